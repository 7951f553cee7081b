/// Sums over rows, as the gradients of biases and norms are, in one order whatever the grid: rows of a chunk, then
/// chunks.
#pragma once

#include <array>

#include <accrete/backend/cuda/context.hpp>
#include <accrete/backend/cuda/numbers.hpp>

ACCRETE_BEGIN_CUDA_NAMESPACE

inline constexpr Index column_sum_chunk = 128;  // rows

/// partials[chunk, output, c] = sum over the chunk's rows of term(row, c). `Term::add` adds the terms of one row to
/// `Term::outputs` sums.
template <class Term>
struct ColumnPartials {
  static constexpr int threads = 256;
  using Real = typename Term::Real;
  Term term;
  Real* partials;
  Index rows, columns;

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    Index const tiles = (columns + threads - 1) / threads;
    Index const chunk = policy.block() / tiles;
    Index const end = chunk * column_sum_chunk + column_sum_chunk;
    policy.phase([&](int thread) {
      Index const c = policy.block() % tiles * threads + thread;
      if (c >= columns) return;
      Real sums[Term::outputs] = {};
      for (Index row = chunk * column_sum_chunk; row < (end < rows ? end : rows); ++row)
        term.add(row, c, sums);
      for (int output = 0; output < Term::outputs; ++output)
        partials[(chunk * Term::outputs + output) * columns + c] = sums[output];
    });
  }
};

/// out[c] += scale * sum over chunks of partials[chunk, output, c], for each output that is wanted.
template <class Real, std::size_t Outputs>
struct SumPartials {
  static constexpr int threads = 128;
  Real const* partials;
  Real* outs[Outputs];  // (C) or null
  Index chunks, columns;
  Real scale;

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    policy.for_each(static_cast<Index>(Outputs) * columns, [&](Index i) {
      Index const output = i / columns, c = i % columns;
      if (outs[output] == nullptr) return;
      Real sum{0};
      for (Index chunk = 0; chunk < chunks; ++chunk)
        sum += partials[(chunk * static_cast<Index>(Outputs) + output) * columns + c];
      outs[output][c] += scale * sum;
    });
  }
};

/// outs[i][c] += scale * sum over rows of the i-th term of column c.
template <class Term>
void add_column_sums(Context& context, char const* name, Term const& term, Index rows,
                     Index columns, std::array<typename Term::Real*, Term::outputs> outs,
                     typename Term::Real scale = 1) {
  using Real = typename Term::Real;
  if (rows == 0 || columns == 0) return;
  using Partials = ColumnPartials<Term>;
  Index const chunks = (rows + column_sum_chunk - 1) / column_sum_chunk;
  Index const tiles = (columns + Partials::threads - 1) / Partials::threads;
  auto const scratch =
      context.scratch(chunks * Term::outputs * columns * static_cast<Index>(sizeof(Real)));
  launch(context, name, chunks * tiles, Partials{term, scratch.template as<Real>(), rows, columns});
  SumPartials<Real, std::size_t{Term::outputs}> sum{
      scratch.template as<Real>(), {}, chunks, columns, scale};
  for (std::size_t i = 0; i < outs.size(); ++i) sum.outs[i] = outs[i];
  launch(context, name, blocks_for(Term::outputs * columns, sum.threads), sum);
}

ACCRETE_END_CUDA_NAMESPACE
