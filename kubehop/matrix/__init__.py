"""`kubehop matrix`: the same manifests and the same command under several proxy modes."""
