/// The memory of a CUDA device, as a part of types.
#pragma once

#include <accrete/core/macros.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Memory that kernels read and write and the CPU does not.
struct DeviceSpace {};

ACCRETE_END_NAMESPACE
