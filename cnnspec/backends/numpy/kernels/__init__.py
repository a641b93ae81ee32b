"""The kernels of the NumPy backend: plain functions that emitted files have copies of.

The forward kernel of a layer is `f(*inputs, **tensors_and_arguments) -> y`. Its
gradient in training is `f_backward(grad, *inputs, ...)`, which takes, by their names,
what it uses of the same and of `y`: the gradients of the inputs, then those of weight
and bias where the kernel has them, as one array or a tuple. Maps are N x C x H x W,
vectors N x C; float32 stays float32. Each definition needs NumPy, `math`, and other
definitions of this package; the formatter leaves it alone at 88 columns too. Nothing
here is imported when a program is built: the emitter copies text.
"""
