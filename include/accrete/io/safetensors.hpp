/// Tensors in files of the safetensors format: SafetensorsReader and SafetensorsWriter.
#pragma once

#include <accrete/io/dtype.hpp>
#include <accrete/io/safetensors_hashes.hpp>
#include <accrete/io/safetensors_reader.hpp>
#include <accrete/io/safetensors_writer.hpp>
#include <accrete/io/tensor_info.hpp>
