"""Read ONNX files. Nothing outside this room imports onnx."""
