"""Patterns of what stands in a text for programs, not for people: tags and placeholders."""

# Of HTML and the like, and the times at which words of WebVTT appear.
TAG = r"</?[A-Za-z][^<>]*>|<[\d:.]+>"
# Of printf and of Python, where a letter may follow only if it is of a script without spaces.
PLACEHOLDER = (
    r"\$?\{\{?[^{}\n]*\}\}?|%\(\w+\)[diouxXeEfFgGcrs]|%%"
    r"|%(?:\d+\$)?[-+#0]*[\d*]*(?:\.[\d*]+)?(?:hh?|ll?|[Lqjzt])?[diouxXeEfFgGcrsaAp@](?![A-Za-z0-9_])"
)
