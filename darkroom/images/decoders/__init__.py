"""Decoders of what Pillow does not read, or reads wrongly. Their libraries are loaded when needed.

None of these modules imports its library at its top: a JPEG must not wait for 0.4 seconds of numpy.
"""

import os

# numpy's linear algebra, which nothing here uses, would take 40 MB for a second thread.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
