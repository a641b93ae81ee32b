"""What plain programs have in place of definitions of kernels/: short enough to read.

They serve the arguments that most nets have. Where a net has others, its plain program
takes the kernel of the same name in kernels/, or what is called general here.
"""
