# SPDX-License-Identifier: AGPL-3.0-only
# PatchBench in a container: compose.yaml starts its dashboard, worker and previewer from this image.
# docs/scaling.md says what of it has been checked, and how.
ARG PYTHON=3.12
FROM python:${PYTHON}-slim

# Where torch comes from: processors alone, or https://download.pytorch.org/whl/cu130 and its like for GPUs.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
# Further requirements, such as "requirements-transformers.txt requirements-cluster.txt".
ARG EXTRAS=""

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1

WORKDIR /app
COPY requirements*.txt ./
# First torch from its own index, so that the others find it there; then OpenCV's twin that needs no screen.
RUN pip install --index-url "$TORCH_INDEX" torch torchvision \
 && pip install -r requirements.txt $(for each in $EXTRAS; do printf ' -r %s' "$each"; done) \
 && pip install --no-deps --force-reinstall "opencv-python-headless==$(pip show opencv-python | sed -n 's/^Version: //p')"

COPY LICENSE ./
COPY .streamlit ./.streamlit
COPY engine ./engine
COPY dashboard ./dashboard

# Nobody but this user can read the volume: see docs/security.md on PATCHBENCH_HOME.
RUN useradd --create-home --uid 1000 patchbench && install -d -m 0700 -o patchbench -g patchbench /data
USER patchbench
ENV PATCHBENCH_HOME=/data PATCHBENCH_ROOTS=/photos
VOLUME /data
EXPOSE 8501
CMD ["python", "-m", "dashboard", "--address", "0.0.0.0"]
