/// Which algorithms cuBLASLt has for a product, and which of them is the fastest (included by product.hpp).
#pragma once

#include <algorithm>
#include <limits>

#include <accrete/backend/cuda/product.hpp>

ACCRETE_BEGIN_CUDA_NAMESPACE

inline std::vector<AlgorithmCandidate> CudaProduct::candidates(Key const& key, Plan const& plan) {
  constexpr std::uint64_t sum_in_compute_type = 2;  // of split K; the other schemes round or race
  void* made = nullptr;
  ACCRETE_CUDA(api(), cublas_lt_matmul_preference_create(&made));
  OwnedPreference const preference(api(), made);
  auto const prefer = [&](PreferenceAttribute attribute, auto value) {
    ACCRETE_CUDA(api(), cublas_lt_matmul_preference_set_attribute(
                            preference.get(), attribute, static_cast<std::uint64_t>(value)));
  };
  prefer(PreferenceAttribute::workspace_bytes, workspace_bytes());
  prefer(PreferenceAttribute::reduction_schemes, sum_in_compute_type);
  prefer(PreferenceAttribute::alignment_a, key.alignments[1]);
  prefer(PreferenceAttribute::alignment_b, key.alignments[0]);
  prefer(PreferenceAttribute::alignment_c, key.alignments[2]);
  prefer(PreferenceAttribute::alignment_d, key.alignments[2]);
  int const asked = options_.deterministic ? 1 : std::clamp(options_.candidates, 1, 32);
  std::vector<AlgorithmCandidate> list(static_cast<std::size_t>(asked));
  int count = 0;
  auto const status = api().cublas_lt_matmul_algo_get_heuristic(
      library_.get(), plan.matmul.get(), plan.a.get(), plan.b.get(), plan.out.get(), plan.out.get(),
      preference.get(), asked, list.data(), &count);
  if (status.code == blas_not_supported && status.library == Status::Library::blas) return {};
  if (!status.ok())
    throw_call_failed(api(), status, "cublas_lt_matmul_algo_get_heuristic", __FILE__, __LINE__,
                      text_of(key));
  list.resize(static_cast<std::size_t>(std::clamp(count, 0, asked)));
  return list;
}

inline Algorithm CudaProduct::fastest(Key const& key, Plan const& plan, Arguments const& arguments,
                                      std::vector<AlgorithmCandidate> const& candidates) {
  constexpr int repeats = 3;
  // With the real factors, but into memory of its own: a sum must not be added to `out` more than once.
  auto const elsewhere = context_->allocate(key.rows * key.out_stride * size_of(key.out));
  auto const make_event = [&] {
    Event event = nullptr;
    ACCRETE_CUDA(api(), cuda_event_create(&event));
    return OwnedEvent(api(), event);
  };
  OwnedEvent const begin = make_event(), end = make_event();
  auto const record = [&](OwnedEvent const& event) {
    ACCRETE_CUDA(api(), cuda_event_record(event.get(), context_->stream()));
  };
  Algorithm best = candidates.front().algorithm;
  float least = std::numeric_limits<float>::infinity();
  for (auto const& candidate : candidates) {
    for (int i = 0; i <= repeats; ++i) {  // the first run loads the code
      if (i == 1) record(begin);
      multiply(key, plan, arguments, elsewhere.get(), candidate.algorithm);
    }
    record(end);
    ACCRETE_CUDA(api(), cuda_event_synchronize(end.get()));
    float milliseconds = 0;
    ACCRETE_CUDA(api(), cuda_event_elapsed_time(&milliseconds, begin.get(), end.get()));
    if (milliseconds < least) {
      least = milliseconds;
      best = candidate.algorithm;
    }
  }
  return best;
}

ACCRETE_END_CUDA_NAMESPACE
