/// The settings of the CUDA backend.
#pragma once

#include <filesystem>

#include <accrete/core/macros.hpp>

ACCRETE_BEGIN_NAMESPACE

struct CudaOptions {
  bool tf32 = false;  ///< products of floats on tensor cores, with 10 bits of the fraction
  /// The same choices of algorithms, and so the same bits, in every run: cuBLASLt's first candidate, never a timing.
  bool deterministic = false;
  /// The gradient of a bias in the epilogue of the weight's, where cuBLASLt can; by kernels of our own otherwise.
  bool fuse_bias_gradients = true;
  /// Maps of at most 8 rows and attention of one new token, as decoding has them, by kernels of our own, which take in the
  /// norm before a map, its activation and the residual sum. Off until they have beaten cuBLASLt on a card.
  bool decode_kernels = false;
  /// Decoding steps as one CUDA graph each, recorded once. The same launches in the same order, and so the same bits,
  /// without the host's time for each of them; where CUDA refuses, a step launches its kernels one by one, and says so.
  bool graphs = true;
  int candidates =
      16;  ///< algorithms, at most 32, that are timed when a product of new sizes comes; 1 times none
  /// Where choices are kept, by card, driver and version of cuBLAS; none if empty. Choices from it are taken without
  /// timing, also under `deterministic`.
  std::filesystem::path choices{};
};

ACCRETE_END_NAMESPACE
