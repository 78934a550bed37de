#!/bin/sh
# Puts pullgate into a folder: install.sh VERSION DIR. It takes the archive of
# the release for this machine and compares it with the release's checksums.
set -eu

version=${1:?usage: install.sh VERSION DIR}
dir=${2:?usage: install.sh VERSION DIR}
base=${PULLGATE_RELEASES:-https://github.com/pullgate/pullgate/releases/download}

os=$(uname -s | tr '[:upper:]' '[:lower:]')
case $(uname -m) in
x86_64 | amd64) arch=amd64 ;;
aarch64 | arm64) arch=arm64 ;;
*)
	echo "error: there is no pullgate for $(uname -m)" >&2
	echo "hint: build it with: go install github.com/pullgate/pullgate/cmd/pullgate@$version" >&2
	exit 2
	;;
esac

fetch() {
	if command -v curl >/dev/null; then
		curl --fail --silent --show-error --location --retry 3 --output "$2" "$1"
	else
		wget -q -O "$2" "$1"
	fi
}

sum() {
	if command -v sha256sum >/dev/null; then
		sha256sum "$1"
	else
		shasum -a 256 "$1"
	fi | cut -d ' ' -f 1
}

archive="pullgate_${version#v}_${os}_${arch}.tar.gz"
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
fetch "$base/$version/$archive" "$temporary/$archive"
fetch "$base/$version/checksums.txt" "$temporary/checksums.txt"
wanted=$(grep " $archive\$" "$temporary/checksums.txt" | cut -d ' ' -f 1)
if [ -z "$wanted" ] || [ "$(sum "$temporary/$archive")" != "$wanted" ]; then
	echo "error: $archive is not what the checksums of $version say" >&2
	echo "hint: try again; if it stays so, somebody changed it on the way" >&2
	exit 2
fi
mkdir -p "$dir"
tar -x -z -f "$temporary/$archive" -C "$dir" pullgate
"$dir/pullgate" version
