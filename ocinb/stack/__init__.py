"""The chain above a container: who is here, who stands between it and init, who called whom.

``here`` looks at programs, sockets and configurations; ``ancestry`` at the processes of a
container; ``tracing`` puts ``wrapper`` in an OCI runtime's place and reads what it wrote.
"""
