"""``python -m ocinb.kernel -f CONNECTION_FILE``: what Jupyter starts."""

from __future__ import annotations


def main() -> None:
    """Serve until told to end."""
    from ipykernel.kernelapp import IPKernelApp

    from ocinb.kernel.kernel import OciKernel

    launch = IPKernelApp.launch_instance
    launch(kernel_class=OciKernel)


if __name__ == "__main__":
    main()
