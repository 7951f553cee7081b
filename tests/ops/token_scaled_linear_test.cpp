#include <accrete/backend/cpu/linear.hpp>
#include <accrete/backend/cpu/token_scaled_linear.hpp>
#include <accrete/backend/reference/linear.hpp>
#include <accrete/backend/reference/token_scaled_linear.hpp>

#include <boost/test/unit_test.hpp>

#include "support/operation_checks.hpp"

BOOST_AUTO_TEST_SUITE(token_scaled_linear)

namespace {

using namespace accrete_test;

auto const evaluate = []<class Backend>(Backend const& backend, Numbers const& numbers,
                                        Values const& in) {
  using T = typename Backend::Element;
  Index const n = size_of(numbers, "N"), i = size_of(numbers, "I"), o = size_of(numbers, "O");
  Tensor<T, 2> const x(in.at("x"), {n, i}), weight(in.at("weight"), {o, i});
  Tensor<T, 2> const grad_out(in.at("grad_out"), {n, o});
  Tensor<T, 1> const bias(in.at("bias"), {o}), token_scale(in.at("token_scale"), {n});
  Tensor<T, 2> out({n, o}), grad_x({n, i}), grad_weight({o, i});
  Tensor<T, 1> grad_bias({o}), grad_token_scale({n});
  double const scale = 0.75;
  accrete::token_scaled_linear_forward(backend, x, token_scale, weight, bias, out,
                                       {.scale = scale});
  accrete::token_scaled_linear_backward(backend, grad_out, x, token_scale, weight, bias, grad_x,
                                        grad_token_scale, grad_weight, grad_bias, scale);
  return Values{{"out", out.doubles()},
                {"grad_x", grad_x.doubles()},
                {"grad_weight", grad_weight.doubles()},
                {"grad_bias", grad_bias.doubles()},
                {"grad_token_scale", grad_token_scale.doubles()}};
};

Numbers sizes(Index rows, Index inputs, Index outputs) {
  return {{"N", double(rows)}, {"I", double(inputs)}, {"O", double(outputs)}};
}
Values inputs(Index rows, Index ins, Index outs) {
  return {{"x", random_values("x", rows * ins)},
          {"weight", random_values("weight", outs * ins)},
          {"bias", random_values("bias", outs)},
          {"token_scale", random_values("token_scale", rows)},
          {"grad_out", random_values("grad_out", rows * outs)}};
}

}  // namespace

// PyTorch's numbers: the cases of the classifier that have token scales.

BOOST_AUTO_TEST_CASE_TEMPLATE(backward_matches_finite_differences, Backend, DoubleBackends) {
  check_against_differences<Backend>(sizes(3, 5, 7), inputs(3, 5, 7), evaluate);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(matches_reference_loops, Backend, KernelBackends) {
  for (auto const& [n, i, o] : {std::array<Index, 3>{1, 1, 1}, {67, 96, 131}, {5, 331, 40}})
    check_against_reference<Backend>(sizes(n, i, o), inputs(n, i, o), evaluate, 64);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(same_bits_for_any_thread_count, Backend, CpuBackends) {
  check_threads<Backend>(sizes(131, 48, 1031), inputs(131, 48, 1031), evaluate);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(row_alone_equals_row_in_batch, Backend, KernelBackends) {
  check_rows_alone<Backend>(sizes(19, 33, 67), "N", inputs(19, 33, 67),
                            {"x", "token_scale", "grad_out"}, {"out", "grad_x", "grad_token_scale"},
                            evaluate);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_scale_of_one_is_the_linear_map, Backend, AllBackends) {
  using T = typename Backend::Element;
  auto const backend = make_backend<Backend>();
  Values in = inputs(9, 12, 17);
  Tensor<T, 2> const x(in.at("x"), {9, 12}), weight(in.at("weight"), {17, 12});
  Tensor<T, 1> const ones(std::vector<double>(9, 1.0), {9});
  Tensor<T, 2> plain({9, 17}), scaled({9, 17});
  for (bool const accumulate : {false, true}) {
    accrete::linear_forward(backend, x, weight, {}, plain, {.accumulate = accumulate});
    accrete::token_scaled_linear_forward(backend, x, ones, weight, {}, scaled,
                                         {.accumulate = accumulate});
    BOOST_TEST(same_bits(scaled.values(), plain.values()));
  }
}

BOOST_AUTO_TEST_CASE(scales_of_wrong_length_are_rejected) {
  Tensor<float, 2> x({2, 3}), weight({4, 3}), out({2, 4});
  Tensor<float, 1> scales({3});
  BOOST_CHECK_EXCEPTION(
      accrete::token_scaled_linear_forward(accrete::CpuBackend{}, x, scales, weight, {}, out),
      accrete::ShapeError,
      says("token_scaled_linear_forward: axis 0 of token_scale: expected 2, got 3"));
}

BOOST_AUTO_TEST_SUITE_END()
