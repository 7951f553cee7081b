/// AdamW on the device: one launch for all parameters of a segment.
#pragma once

#include <span>
#include <vector>

#include <accrete/backend/cuda/backend.hpp>
#include <accrete/ops/adamw.hpp>

ACCRETE_BEGIN_CUDA_NAMESPACE

/// An AdamWRun as the kernel reads it.
template <class Real>
struct AdamWTableRow {
  Index begin, end;
  Real keep, correction1, correction2;
  std::uint64_t stream;
};

/// Each block has `length` parameters in a row, and looks for the first of their runs once.
template <class T, bool AtRandom>
struct AdamWBody {
  static constexpr int threads = 256;
  using Real = Compute<T>;
  using Row = AdamWTableRow<Real>;
  Row const* rows;  // ascending
  Index row_count;
  Real* master;
  T* element;  // the rounded copy, or `master` itself
  Real const* gradient;
  Real *first_moment, *second_moment;
  Index count, length;
  Real beta1, beta2, learning_rate, gradient_scale, epsilon;
  std::uint64_t seed;

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    Index const begin = policy.block() * length;
    Index const end = begin + length < count ? begin + length : count;
    Index first = 0;
    for (Index last = row_count; first < last;) {
      Index const middle = (first + last) / 2;
      if (rows[middle].end <= begin)
        first = middle + 1;
      else
        last = middle;
    }
    policy.phase([&](int thread) {
      Index at = first;
      if (at == row_count) return;
      Row row = rows[at];
      for (Index i = begin + thread; i < end; i += threads) {
        while (row.end <= i) {
          if (++at == row_count) return;
          row = rows[at];
        }
        if (i >= row.begin) step(i, row);  // else it is frozen, or no parameter
      }
    });
  }

  ACCRETE_KERNEL void step(Index i, Row const& row) const {
    Real const g = gradient_scale * gradient[i];
    Real const first = beta1 * first_moment[i] + (1 - beta1) * g;
    Real const second = beta2 * second_moment[i] + (1 - beta2) * g * g;
    Real const change = (first / row.correction1) / (std::sqrt(second / row.correction2) + epsilon);
    Real const value = row.keep * master[i] - learning_rate * change;
    first_moment[i] = first;
    second_moment[i] = second;
    master[i] = value;
    if constexpr (AtRandom)
      element[i] = rounded_at_random<T>(value, seed, row.stream, i - row.begin);
    else
      element[i] = static_cast<T>(value);
  }
};

ACCRETE_END_CUDA_NAMESPACE

ACCRETE_BEGIN_NAMESPACE

template <class E>
struct AdamWKernel<BasicCudaBackend<E>> {
  using Backend = BasicCudaBackend<E>;
  using Real = cuda::Compute<E>;
  using Row = cuda::AdamWTableRow<Real>;

  static void step(Backend const& backend, View<Backend, Master, 1> master,
                   View<Backend, Element, 1> element, View<Backend, Master const, 1> gradient,
                   View<Backend, Master, 1> first_moment, View<Backend, Master, 1> second_moment,
                   AdamWStep const& numbers) {
    AdamWRun const all{.end = master.size(0),
                       .weight_decay = numbers.weight_decay,
                       .step = numbers.step,
                       .stream = numbers.stream};
    step_runs(backend, master, element, gradient, first_moment, second_moment, numbers, {&all, 1});
  }

  static void step_runs(Backend const& backend, View<Backend, Master, 1> master,
                        View<Backend, Element, 1> element, View<Backend, Master const, 1> gradient,
                        View<Backend, Master, 1> first_moment,
                        View<Backend, Master, 1> second_moment, AdamWStep const& shared,
                        std::span<AdamWRun const> runs) {
    if (runs.empty() || master.size(0) == 0) return;
    auto& context = backend.context();
    std::vector<Row> const rows = rows_of(shared, runs);
    Index const bytes = static_cast<Index>(rows.size() * sizeof(Row));
    auto const scratch = context.scratch(bytes);
    context.copy_to_device(scratch.template as<Row>(), rows.data(), bytes);
    launch<false>(backend, scratch.template as<Row>(), static_cast<Index>(rows.size()), master,
                  element, gradient, first_moment, second_moment, shared);
  }

 private:
  [[nodiscard]] static std::vector<Row> rows_of(AdamWStep const& shared,
                                                std::span<AdamWRun const> runs) {
    std::vector<Row> rows;
    rows.reserve(runs.size());
    for (AdamWRun const& run : runs) {
      auto const t = static_cast<double>(run.step);
      rows.push_back({.begin = run.begin,
                      .end = run.end,
                      .keep = static_cast<Real>(1 - shared.learning_rate * run.weight_decay),
                      .correction1 = static_cast<Real>(1 - std::pow(shared.beta1, t)),
                      .correction2 = static_cast<Real>(1 - std::pow(shared.beta2, t)),
                      .stream = run.stream});
    }
    return rows;
  }

  template <bool AtRandom>
  static void launch(Backend const& backend, Row const* rows, Index row_count,
                     View<Backend, Master, 1> master, View<Backend, Element, 1> element,
                     View<Backend, Master const, 1> gradient, View<Backend, Master, 1> first_moment,
                     View<Backend, Master, 1> second_moment, AdamWStep const& shared) {
    // Only numbers that are stored as bfloat16 are rounded.
    if constexpr (!AtRandom && std::is_same_v<E, bfloat16>)
      if (shared.rounding_seed)
        return launch<true>(backend, rows, row_count, master, element, gradient, first_moment,
                            second_moment, shared);
    using Body = cuda::AdamWBody<E, AtRandom>;
    Index const count = master.size(0), most = cuda::blocks_for(count, 4 * Body::threads);
    Index const share = (count + most - 1) / most;
    Index const length = (share + Body::threads - 1) / Body::threads * Body::threads;
    cuda::launch(backend.context(), "adamw_step", (count + length - 1) / length,
                 Body{.rows = rows,
                      .row_count = row_count,
                      .master = master.data(),
                      .element = element.data(),
                      .gradient = gradient.data(),
                      .first_moment = first_moment.data(),
                      .second_moment = second_moment.data(),
                      .count = count,
                      .length = length,
                      .beta1 = static_cast<Real>(shared.beta1),
                      .beta2 = static_cast<Real>(shared.beta2),
                      .learning_rate = static_cast<Real>(shared.learning_rate),
                      .gradient_scale = static_cast<Real>(shared.gradient_scale),
                      .epsilon = static_cast<Real>(shared.epsilon),
                      .seed = shared.rounding_seed.value_or(0)});
  }
};

ACCRETE_END_NAMESPACE
