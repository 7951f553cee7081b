/// Linear maps of a few rows on the device, with what stands around them, as matrix-vector products of our own.
#pragma once

#include <accrete/backend/cuda/backend.hpp>
#include <accrete/backend/cuda/gelu.hpp>
#include <accrete/backend/cuda/pack.hpp>
#include <accrete/ops/fused_linear.hpp>

ACCRETE_BEGIN_CUDA_NAMESPACE

/// A team of one warp or two reads a row of the weights, 16 bytes a load, four loads of a thread in flight; the first of
/// them are on their way while x is normalised. All rows of x are multiplied with what is read, from shared memory. A sum's
/// order depends on the length of the rows alone: neither on their number nor on how they are aligned.
///
/// `Rows` are at least as many as there are.
template <class T, int Rows>
struct FusedLinear {
  static constexpr int threads = 256, warps = threads / warp_size;
  static constexpr int blocks_at_once = Rows > 1 ? 2 : 3;
  static constexpr int ahead = 4;  // packs that a thread loads at once
  static constexpr Index pack = Pack<T>::size;
  static constexpr int tile_packs = Rows > 2 ? 2048 / Rows : 1024;  // of x, in shared memory
  static constexpr Index tile = tile_packs * pack;
  using Real = Compute<T>;
  static constexpr Index shared_bytes =
      Rows * tile * Index{sizeof(T)} + (warps * Rows + 2 * warps) * Index{sizeof(Real)};
  static_assert(Rows <= warps && tile_packs % (2 * warp_size * ahead) == 0);

  T const *x, *weight, *bias;        // (N,I), (k O,I), (k O) or null
  T const *norm_weight, *norm_bias;  // (I) or null
  T const* residual;                 // (N,O) or null
  T* out;                            // (N,O)
  Index rows, inputs, outputs;
  RowNormKind norm;
  RowActivation activation;
  Real epsilon, scale;
  bool aligned;                                               // rows of x and weight begin on packs
  int factors = activation == RowActivation::swiglu ? 2 : 1;  // k
  int packs = static_cast<int>((inputs + pack - 1) / pack);   // of a row
  int lanes = packs > ahead* warp_size ? 2 * warp_size : warp_size;  // threads of a team
  int outputs_of_block = threads / lanes / factors;

  [[nodiscard]] Index blocks() const { return (outputs + outputs_of_block - 1) / outputs_of_block; }

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    T* const normed = policy.template shared<T>(Rows * tile);
    Real* const team_sums = policy.template shared<Real>(warps * Rows);
    Real* const center = policy.template shared<Real>(warps);
    Real* const rstd = policy.template shared<Real>(warps);
    PerThread<Loads, Policy> next;
    PerThread<Sums<Rows>, Policy> sums;
    policy.phase([&](int thread) {
      for (Real& sum : sums[thread].values) sum = 0;
      next[thread] = load_weights(policy.block(), thread, 0);
    });
    if (norm != RowNormKind::none) find_statistics(policy, center, rstd);
    for (int begin = 0; begin < packs; begin += tile_packs) {
      int const end = begin + tile_packs < packs ? begin + tile_packs : packs;
      policy.phase([&](int thread) {
        for (int m = 0; m < Rows; ++m)
          for (Index k = begin * pack + thread; k < end * pack; k += threads)
            normed[m * tile + k - begin * pack] =
                m < rows && k < inputs ? normalised(m, k, center[m], rstd[m]) : static_cast<T>(0);
      });
      policy.phase([&](int thread) {
        int const step = ahead * lanes;
        for (int first = begin; first < end; first += step) {
          Loads const now = next[thread];
          next[thread] = load_weights(policy.block(), thread, first + step);
          ACCRETE_UNROLL
          for (int i = 0; i < ahead; ++i) {
            int const place = first + i * lanes + thread % lanes;
            if (place < end)
              add_products(now.packs[i], normed + (place - begin) * pack, sums[thread]);
          }
        }
      });
    }
    policy.reduce_warps(sums, Sum{});
    policy.phase([&](int thread) {
      if (thread % warp_size == 0)
        for (int m = 0; m < Rows; ++m)
          team_sums[thread / warp_size * Rows + m] = sums[thread].values[m];
    });
    policy.phase([&](int thread) {
      int const m = thread / outputs_of_block, place = thread % outputs_of_block;
      Index const output = policy.block() * outputs_of_block + place;
      if (m < rows && output < outputs) store(m, output, team_sums + m, place * factors);
    });
  }

 private:
  struct Loads {
    Pack<T> packs[ahead];
  };
  template <int Count>
  struct Sums {
    Real values[static_cast<std::size_t>(Count)];
  };

  /// Packs first + lane, first + lane + lanes, ... of the row of the weights that is the thread's team's.
  [[nodiscard]] ACCRETE_KERNEL Loads load_weights(Index block, int thread, int first) const {
    int const team = thread / lanes;
    Index const output = block * outputs_of_block + team / factors;
    T const* const row = weight + (output + team % factors * outputs) * inputs;
    Loads loads;
    ACCRETE_UNROLL
    for (int i = 0; i < ahead; ++i) {
      int const place = first + i * lanes + thread % lanes;
      loads.packs[i] = output < outputs && place < packs ? load(row, place) : Pack<T>{};
    }
    return loads;
  }
  /// Pack `place` of a row; 0 where the row has ended.
  [[nodiscard]] ACCRETE_KERNEL Pack<T> load(T const* row, int place) const {
    T const* const from = row + place * pack;
    return aligned ? load_pack(from) : load_numbers(from, inputs - place * pack);
  }

  /// A warp for each row of x.
  template <class Policy>
  ACCRETE_KERNEL void find_statistics(Policy& policy, Real* center, Real* rstd) const {
    PerThread<Sums<1>, Policy> part;
    bool const centers = norm == RowNormKind::layer_norm;
    auto const sum_up = [&](auto&& term) {
      policy.phase([&](int thread) {
        Real& sum = part[thread].values[0];
        sum = 0;
        int const m = thread / warp_size;
        if (m >= rows) return;
        for (int place = thread % warp_size; place < packs; place += warp_size) {
          Pack<T> const values = load(x + m * inputs, place);
          for (Index i = 0; i < pack; ++i)
            if (place * pack + i < inputs) sum += term(m, real(values.values[i]));
        }
      });
      policy.reduce_warps(part, Sum{});
    };
    auto const set = [&](Real* statistic, auto&& value) {
      policy.phase([&](int thread) {
        if (thread % warp_size == 0)
          statistic[thread / warp_size] = value(part[thread].values[0] / static_cast<Real>(inputs));
      });
    };
    if (centers) {
      sum_up([](int, Real value) { return value; });
      set(center, [](Real mean) { return mean; });
    }
    sum_up([&](int m, Real value) {
      Real const difference = centers ? value - center[m] : value;
      return difference * difference;
    });
    set(rstd, [&](Real mean) { return Real{1} / std::sqrt(mean + epsilon); });
  }

  [[nodiscard]] ACCRETE_KERNEL T normalised(Index m, Index k, Real center, Real rstd) const {
    T const value = x[m * inputs + k];
    switch (norm) {
      case RowNormKind::layer_norm:
        return static_cast<T>((real(value) - center) * rstd * real(norm_weight[k]) +
                              real(norm_bias[k]));
      case RowNormKind::rms_norm:
        return static_cast<T>(real(value) * rstd * real(norm_weight[k]));
      case RowNormKind::none:
        break;
    }
    return value;
  }

  /// One pack of weights with the same place of each row of x.
  ACCRETE_KERNEL static void add_products(Pack<T> const& weights, T const* normed,
                                          Sums<Rows>& sums) {
    for (int m = 0; m < Rows; ++m) {
      Pack<T> const values = load_pack(normed + m * tile);
      for (Index i = 0; i < pack; ++i)
        sums.values[m] += real(weights.values[i]) * real(values.values[i]);
    }
  }

  /// From the sums of the team that made it, and of the next one where there are two factors.
  ACCRETE_KERNEL void store(Index m, Index output, Real const* team_sums, int team) const {
    int const warps_of_team = lanes / warp_size;
    auto const mapped = [&](int factor) {
      Real sum{0};
      for (int warp = 0; warp < warps_of_team; ++warp)
        sum += team_sums[((team + factor) * warps_of_team + warp) * Rows];
      if (bias != nullptr) sum += real(bias[factor * outputs + output]);
      return scale * sum;
    };
    Real value = mapped(0);
    if (activation == RowActivation::gelu) value *= normal_cdf(value);
    if (activation == RowActivation::swiglu) value = value / (1 + std::exp(-value)) * mapped(1);
    Index const place = m * outputs + output;
    if (residual != nullptr) value += real(residual[place]);
    out[place] = static_cast<T>(value);
  }
};

ACCRETE_END_CUDA_NAMESPACE

ACCRETE_BEGIN_NAMESPACE

template <class E>
struct FusedLinearKernel<BasicCudaBackend<E>> {
  using Backend = BasicCudaBackend<E>;

  [[nodiscard]] static bool takes(Backend const& backend, Index rows) {
    return backend.decode_kernels() && rows >= 1 && rows <= 8;
  }

  static void forward(Backend const& backend, View<Backend, Element const, 2> x,
                      View<Backend, Element const, 2> weight, View<Backend, Element const, 1> bias,
                      View<Backend, Element, 2> out, LinearSurroundings<Backend> const& around) {
    if (x.size(0) == 1) return launch<1>(backend, x, weight, bias, out, around);
    if (x.size(0) <= 4) return launch<4>(backend, x, weight, bias, out, around);
    launch<8>(backend, x, weight, bias, out, around);
  }

 private:
  template <int Rows>
  static void launch(Backend const& backend, View<Backend, Element const, 2> x,
                     View<Backend, Element const, 2> weight, View<Backend, Element const, 1> bias,
                     View<Backend, Element, 2> out, LinearSurroundings<Backend> const& around) {
    using Real = cuda::Compute<E>;
    cuda::FusedLinear<E, Rows> const body{.x = x.data(),
                                          .weight = weight.data(),
                                          .bias = bias.data(),
                                          .norm_weight = around.norm.weight.data(),
                                          .norm_bias = around.norm.bias.data(),
                                          .residual = around.residual.data(),
                                          .out = out.data(),
                                          .rows = x.size(0),
                                          .inputs = x.size(1),
                                          .outputs = out.size(1),
                                          .norm = around.norm.kind,
                                          .activation = around.activation,
                                          .epsilon = static_cast<Real>(around.norm.epsilon),
                                          .scale = static_cast<Real>(around.scale),
                                          .aligned = cuda::begins_on_pack(x.data()) &&
                                                     cuda::begins_on_pack(weight.data()) &&
                                                     x.size(1) % cuda::Pack<E>::size == 0};
    cuda::launch(backend.context(), "fused_linear_forward", body.blocks(), body, ", ", x.size(0),
                 " rows of ", x.size(1), " to ", out.size(1));
  }
};

static_assert(HasFusedLinear<CudaBackend> && HasFusedLinear<CudaBackendBf16>);

ACCRETE_END_NAMESPACE
