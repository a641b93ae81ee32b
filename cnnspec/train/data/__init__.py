"""Images with labels: a folder, a table of paths, arrays, the files of MNIST and of CIFAR."""
