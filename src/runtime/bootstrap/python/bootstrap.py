# Started by Waybill as `python3 -u bootstrap.py`.  The work is in waybill_runtime.py, a module, so that its
# compiled form can be kept; this file is compiled at every start and therefore stays short.
import sys

import waybill_runtime

sys.path.pop(0)
waybill_runtime.main()
