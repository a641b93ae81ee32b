"""What plain programs have in place of definitions of kernels/: short enough to read.

They serve the arguments that most nets have. Where a net has others, its plain program
takes what general.py calls so, or the kernel of that name in kernels/.
"""
