"""`cnnspec site`: a folder of static pages for any host: the zoo with its pictures, the language, the faults.

`site_plan` says which pages there are; `zoo` and `prose` make them, `frame` is what all pages have in common.
`target` writes the folder, and leaves one alone that holds what others wrote.
"""
