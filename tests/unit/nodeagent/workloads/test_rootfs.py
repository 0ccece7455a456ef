from nodeagent.workloads.rootfs import hosts_from_files_and_dns, nested_mounts

MOUNTINFO = """\
22 27 0:21 / /proc rw - proc proc rw
27 1 254:0 / / rw - ext4 /dev/vda rw
28 27 0:25 / /mnt/a rw - tmpfs t rw
29 28 0:26 / /mnt/a/b rw - tmpfs t rw
30 27 0:27 / /mnt/with\\040space rw - tmpfs t rw
31 27 0:28 / /mntx rw - tmpfs t rw
32 27 0:29 / /mnt/pod rw - tmpfs t rw
33 32 0:29 / /mnt/pod/inner rw - tmpfs t rw
""".splitlines()


def test_nested_mounts_are_the_uppermost_ones_without_the_excluded():
    assert nested_mounts(MOUNTINFO, "/mnt", "/mnt/pod") == ["/mnt/a", "/mnt/with space"]
    assert nested_mounts(MOUNTINFO, "/usr", "/mnt/pod") == []


def test_hosts_line_is_replaced_or_added():
    text = (
        "passwd: files\nhosts: files mdns4_minimal [NOTFOUND=return] resolve dns\nnetworks: files\n"
    )
    assert hosts_from_files_and_dns(text) == (
        "passwd: files\nhosts:          files dns\nnetworks: files\n"
    )
    assert hosts_from_files_and_dns("") == "hosts:          files dns\n"
