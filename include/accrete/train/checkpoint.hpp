/// Checkpoints: a model, and a training run, in one safetensors file.
#pragma once

#include <accrete/train/checkpoint_reader.hpp>
#include <accrete/train/checkpoint_writer.hpp>
