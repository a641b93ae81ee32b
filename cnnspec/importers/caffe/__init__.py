"""The reader of Caffe's networks: a .prototxt, and the weights in a .caffemodel."""
