import sys

from cloudlb.main import main

sys.exit(main(sys.argv[1:]))
