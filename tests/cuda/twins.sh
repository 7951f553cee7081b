#!/usr/bin/env bash
# twins.sh EXAMPLES: the example for a GPU is the one for the CPU but for its comment, one include and the backend's name.
set -euo pipefail
cd "$1"
diff <(sed '1,2d; s|accrete/accrete.hpp|accrete/cuda.hpp|; s|accrete::CpuBackend|accrete::CudaBackend|' 05_train.cpp) \
  <(sed '1,2d' gpu_train.cu)
