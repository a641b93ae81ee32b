"""The Language Server Protocol 3.17 over standard input and output: `cnnspec lsp`.

It stands at https://microsoft.github.io/language-server-protocol. `wire` reads and writes messages,
`connection` takes them one by one, `server` keeps the open texts, and the other modules say in the protocol's
words what the rest of the room found. The protocol is written out here: a library for it takes longer to load
than all the rest, and owns the loop, in which work that may wait has to give way.
"""
