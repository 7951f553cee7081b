// Matrix-vector products with what stands around them, against the reference loops.
#include <accrete/backend/cuda/cuda.hpp>

#include <boost/test/unit_test.hpp>

#include "support/all_close.hpp"
#include "support/kernels.hpp"
#include "support/tensors.hpp"
#include "support/tested_cuda.hpp"

BOOST_AUTO_TEST_SUITE(cuda_fused_linear)

namespace {

using namespace accrete_test;
using accrete::bfloat16;
using accrete::Element;
using accrete::LinearSurroundings;
using accrete::RowActivation;
using accrete::RowNormKind;
template <class E>
using Cuda = accrete::BasicCudaBackend<E>;
template <class E, int Rank>
using DeviceView = accrete::View<Cuda<E>, E const, Rank>;
using Elements = std::tuple<float, bfloat16, double>;

constexpr double small_number = 1e-5;

template <class E>
Cuda<E> backend_with_kernels(std::shared_ptr<TestedCuda> const& api = cuda_for_operations()) {
  return Cuda<E>(api, {.deterministic = true, .decode_kernels = true});
}

/// A map of N rows of I numbers to O, and what stands around it.
struct Case {
  Index rows, inputs, outputs;
  RowNormKind norm = RowNormKind::none;
  RowActivation activation = RowActivation::none;
  bool has_bias = true, has_residual = false, adds_to_out = false;
  double scale = 1;

  [[nodiscard]] Index maps() const {
    return (activation == RowActivation::swiglu ? 2 : 1) * outputs;
  }
};

/// Random values that E holds exactly.
template <class E>
std::vector<double> rounded(char const* name, Index count, double mean = 0, double deviation = 1) {
  auto values = random_values(name, count, mean, deviation);
  for (double& value : values) value = static_cast<double>(static_cast<E>(value));
  return values;
}

template <class E>
struct Operands {
  explicit Operands(Case const& c)
      : x(rounded<E>("x", c.rows * c.inputs, 0.5)),
        weight(rounded<E>("weight", c.maps() * c.inputs, 0, 0.3)),
        bias(rounded<E>("bias", c.maps())),
        norm_weight(rounded<E>("norm_weight", c.inputs, 1, 0.2)),
        norm_bias(rounded<E>("norm_bias", c.inputs)),
        residual(rounded<E>("residual", c.rows * c.outputs)) {}

  std::vector<double> x, weight, bias, norm_weight, norm_bias, residual;
};

template <class E>
std::vector<double> result_of(Case const& c, Operands<E> const& in,
                              Cuda<E> const& backend = backend_with_kernels<E>()) {
  Tensor<E, 2> const x(in.x, {c.rows, c.inputs}), weight(in.weight, {c.maps(), c.inputs});
  Tensor<E, 2> const residual(in.residual, {c.rows, c.outputs});
  Tensor<E, 1> const bias(in.bias, {c.maps()});
  Tensor<E, 1> const norm_weight(in.norm_weight, {c.inputs}), norm_bias(in.norm_bias, {c.inputs});
  auto out = residual;
  LinearSurroundings<Cuda<E>> around{.activation = c.activation, .scale = c.scale};
  if (c.norm != RowNormKind::none)
    around.norm = {c.norm, norm_weight, DeviceView<E, 1>(norm_bias), small_number};
  if (c.has_residual) around.residual = residual;
  if (c.adds_to_out) around.residual = DeviceView<E, 2>(out);
  accrete::fused_linear_forward<Cuda<E>>(
      backend, x, weight, c.has_bias ? DeviceView<E, 1>(bias) : DeviceView<E, 1>{}, out, around);
  std::vector<double> values;
  for (E const value : out.values()) values.push_back(static_cast<double>(value));
  return values;
}

/// By the reference loops in double; only what the norm gives is rounded to E.
template <class E>
std::vector<double> expected_of(Case const& c, Operands<E> const& in) {
  accrete::ReferenceBackend<double> const exact;
  Tensor<double, 2> const weight(in.weight, {c.maps(), c.inputs});
  Tensor<double, 1> const norm_weight(in.norm_weight, {c.inputs}),
      norm_bias(in.norm_bias, {c.inputs});
  Tensor<double, 2> x(in.x, {c.rows, c.inputs}), mapped({c.rows, c.maps()});
  Tensor<double, 2> activated({c.rows, c.outputs}), residual(in.residual, {c.rows, c.outputs});
  Tensor<double, 1> bias(in.bias, {c.maps()}), mean({c.rows}), rstd({c.rows});
  if (!c.has_bias) std::fill(bias.values().begin(), bias.values().end(), 0.0);
  if (c.norm == RowNormKind::layer_norm)
    accrete::layer_norm_forward(exact, x, norm_weight, norm_bias, x, mean, rstd, small_number);
  if (c.norm == RowNormKind::rms_norm)
    accrete::rms_norm_forward(exact, x, norm_weight, x, rstd, small_number);
  for (double& value : x.values()) value = static_cast<double>(static_cast<E>(value));
  accrete::linear_forward(exact, x, weight, bias, mapped, {.scale = c.scale});
  if (c.activation == RowActivation::none) activated = mapped;
  if (c.activation == RowActivation::gelu) accrete::gelu_forward(exact, mapped, activated);
  if (c.activation == RowActivation::swiglu) accrete::swiglu_forward(exact, mapped, activated);
  if (c.has_residual || c.adds_to_out) accrete::residual_add(exact, activated, residual, activated);
  return activated.doubles();
}

template <class E>
void check(Case const& c) {
  BOOST_TEST_CONTEXT("N " << c.rows << " I " << c.inputs << " O " << c.outputs << " norm "
                          << static_cast<int>(c.norm) << " activation "
                          << static_cast<int>(c.activation) << " bias " << c.has_bias
                          << " residual " << c.has_residual << c.adds_to_out) {
    Operands<E> const in(c);
    double const roundings = 4 * std::sqrt(static_cast<double>(16 + c.inputs));
    BOOST_TEST(all_close(result_of(c, in), expected_of(c, in), roundings * epsilon<E>));
  }
}

constexpr RowNormKind norms[] = {RowNormKind::none, RowNormKind::layer_norm, RowNormKind::rms_norm};
constexpr RowActivation activations[] = {RowActivation::none, RowActivation::gelu,
                                         RowActivation::swiglu};

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(all_surroundings_match_the_reference_loops, E, Elements) {
  for (RowNormKind const norm : norms)
    for (RowActivation const activation : activations)
      for (int flags = 0; flags < 8; ++flags)
        check<E>({.rows = 1 + flags % 5,
                  .inputs = 37,
                  .outputs = 9,
                  .norm = norm,
                  .activation = activation,
                  .has_bias = (flags & 1) != 0,
                  .has_residual = (flags & 2) != 0,
                  .adds_to_out = (flags & 4) != 0,
                  .scale = flags == 3 ? 0.25 : 1.0});
}

BOOST_AUTO_TEST_CASE_TEMPLATE(any_sizes_match_the_reference_loops, E, Elements) {
  int which = 0;
  for (Index rows = 1; rows <= 8; ++rows)
    for (auto const& [inputs, outputs] : {std::pair<Index, Index>{1, 1},
                                          {7, 3},
                                          {8, 8},
                                          {64, 33},
                                          {130, 17},
                                          {264, 5},
                                          {1032, 2}}) {
      check<E>({rows, inputs, outputs, norms[which % 3], activations[which / 3 % 3]});
      ++which;
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(rows_longer_than_shared_memory_match_the_reference_loops, E,
                              Elements) {
  for (auto const& [rows, inputs] : {std::pair<Index, Index>{1, 9001}, {3, 4112}, {8, 2500}})
    for (RowNormKind const norm : norms) check<E>({rows, inputs, 3, norm, RowActivation::swiglu});
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_row_alone_has_the_bits_that_it_has_beside_others, E, Elements) {
  for (Index const inputs : {40, 1288}) {
    Case const all{8, inputs, 11, RowNormKind::layer_norm, RowActivation::gelu, true, true};
    Operands<E> const in(all);
    auto const together = result_of(all, in);
    for (Index const rows : {1, 2, 5}) {
      Case some = all;
      some.rows = rows;
      Operands<E> part = in;
      part.x.resize(static_cast<std::size_t>(rows * inputs));
      part.residual.resize(static_cast<std::size_t>(rows * all.outputs));
      auto const result = result_of(some, part);
      BOOST_TEST(
          same_bits(result, std::vector(together.begin(), together.begin() + rows * all.outputs)));
    }
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(alignment_changes_no_bit, E, Elements) {
  auto const backend = backend_with_kernels<E>();
  constexpr Index rows = 3, inputs = 1032, outputs = 5;
  auto const result = [&](Index shift) {
    auto const shifted = [&](char const* name, Index count) {
      auto values = rounded<E>(name, count);
      values.insert(values.begin(), static_cast<std::size_t>(shift), 0.0);
      return Tensor<E, 1>(values, {count + shift});
    };
    auto const x = shifted("x", rows * inputs), weight = shifted("weight", outputs * inputs);
    Tensor<E, 2> out({rows, outputs});
    auto const from = [&](Tensor<E, 1> const& tensor) {
      return DeviceView<E, 1>(tensor).data() + shift;
    };
    accrete::fused_linear_forward<Cuda<E>>(backend, DeviceView<E, 2>(from(x), {rows, inputs}),
                                           DeviceView<E, 2>(from(weight), {outputs, inputs}), {},
                                           out);
    std::vector<double> values;
    for (E const value : out.values()) values.push_back(static_cast<double>(value));
    return values;
  };
  auto const aligned = result(0);
  for (Index const shift : {1, 2, 7}) BOOST_TEST(same_bits(result(shift), aligned));
}

BOOST_AUTO_TEST_CASE(linear_forward_scales_and_adds_as_products_do) {
  for (bool const accumulate : {false, true}) {
    Case const c{.rows = 4, .inputs = 20, .outputs = 13, .adds_to_out = accumulate, .scale = 0.5};
    Operands<float> const in(c);
    Tensor<float, 2> const x(in.x, {4, 20}), weight(in.weight, {13, 20});
    Tensor<float, 1> const bias(in.bias, {13});
    Tensor<float, 2> out(in.residual, {4, 13});
    accrete::linear_forward<Cuda<float>>(backend_with_kernels<float>(), x, weight, bias, out,
                                         {.scale = 0.5, .accumulate = accumulate});
    BOOST_TEST(all_close(out.values(), expected_of(c, in), 1e-5));
  }
}

BOOST_AUTO_TEST_CASE(sizes_that_do_not_fit_are_refused) {
  using Backend = Cuda<float>;
  auto const backend = backend_with_kernels<float>();
  Tensor<float, 2> const x({2, 6}), nine({9, 6}), weight({4, 6}), other({2, 3});
  Tensor<float, 1> const vector({4});
  Tensor<float, 2> out({2, 4}), out_of_nine({9, 4});
  auto const call = [&](auto const& from, auto const& by, DeviceView<float, 1> bias, auto& to,
                        LinearSurroundings<Backend> const& around = {}) {
    accrete::fused_linear_forward<Backend>(backend, from, by, bias, to, around);
  };
  BOOST_CHECK_EXCEPTION(call(nine, weight, vector, out_of_nine), accrete::ShapeError,
                        says("does not take 9 rows"));
  BOOST_CHECK_EXCEPTION(call(x, other, vector, out), accrete::ShapeError,
                        says("axis 0 of weight: expected 4, got 2"));
  BOOST_CHECK_EXCEPTION(call(x, weight, vector, out, {.activation = RowActivation::swiglu}),
                        accrete::ShapeError, says("axis 0 of weight: expected 8, got 4"));
  BOOST_CHECK_EXCEPTION(call(x, weight, {}, out, {.residual = DeviceView<float, 2>(other)}),
                        accrete::ShapeError, says("axis 1 of residual: expected 4, got 3"));
  BOOST_CHECK_EXCEPTION(
      call(x, weight, {}, out,
           {.norm = {RowNormKind::rms_norm, DeviceView<float, 1>(vector), {}, small_number}}),
      accrete::ShapeError, says("weight of the norm: expected 6, got 4"));
}

#ifndef __CUDACC__  // what only the fake device can do
BOOST_AUTO_TEST_CASE(only_a_few_rows_go_to_the_kernel_and_only_where_it_is_asked_for) {
  for (bool const asked : {false, true})
    for (Index const rows : {1, 8, 9}) {
      auto const api = cuda_for_operations();
      Cuda<float> const backend(api, {.deterministic = true, .decode_kernels = asked});
      Tensor<float, 2> const x(random_values("x", rows * 6), {rows, 6});
      Tensor<float, 2> const weight(random_values("weight", 24), {4, 6});
      Tensor<float, 2> out({rows, 4});
      accrete::linear_forward<Cuda<float>>(backend, x, weight, {}, out);
      BOOST_TEST(api->launches_by_name().count("fused_linear_forward") ==
                 (asked && rows <= 8 ? 1u : 0u));
      BOOST_TEST(api->heuristics() == (asked && rows <= 8 ? 0 : 1));
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_order_of_threads_and_blocks_changes_no_bit, E, Elements) {
  Case const c{5, 300, 21, RowNormKind::layer_norm, RowActivation::swiglu, true, true};
  Operands<E> const in(c);
  auto const api = cuda_for_operations();
  auto const backend = backend_with_kernels<E>(api);
  auto const first = result_of(c, in, backend);
  for (std::uint64_t const seed : {2u, 77u, 1000u}) {
    api->settings().seed = seed;
    BOOST_TEST(same_bits(result_of(c, in, backend), first));
  }
}
#endif

BOOST_AUTO_TEST_SUITE_END()
