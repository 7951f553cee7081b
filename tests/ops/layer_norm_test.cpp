#include <accrete/backend/cpu/layer_norm.hpp>
#include <accrete/backend/reference/layer_norm.hpp>

#include <boost/test/unit_test.hpp>

#include "support/operation_checks.hpp"

BOOST_AUTO_TEST_SUITE(layer_norm)

namespace {

using namespace accrete_test;

auto const evaluate = []<class Backend>(Backend const& backend, Numbers const& numbers,
                                        Values const& in) {
  using T = typename Backend::Element;
  Index const n = size_of(numbers, "B") * size_of(numbers, "T");
  Index const c = size_of(numbers, "C");
  Tensor<T, 2> const x(in.at("x"), {n, c}), grad_out(in.at("grad_out"), {n, c});
  Tensor<T, 1> const weight(in.at("weight"), {c}), bias(in.at("bias"), {c});
  Tensor<T, 2> out({n, c}), grad_x({n, c});
  Tensor<T, 1> mean({n}), rstd({n}), grad_weight({c}), grad_bias({c});
  accrete::layer_norm_forward(backend, x, weight, bias, out, mean, rstd, numbers.at("epsilon"));
  accrete::layer_norm_backward(backend, grad_out, x, weight, mean, rstd, grad_x, grad_weight,
                               grad_bias);
  return Values{{"out", out.doubles()},
                {"mean", mean.doubles()},
                {"rstd", rstd.doubles()},
                {"grad_x", grad_x.doubles()},
                {"grad_weight", grad_weight.doubles()},
                {"grad_bias", grad_bias.doubles()}};
};

Numbers sizes(Index rows, Index channels) {
  return {{"B", static_cast<double>(rows)},
          {"T", 1},
          {"C", static_cast<double>(channels)},
          {"epsilon", 0.01}};
}

Values inputs(Index rows, Index channels) {
  return {{"x", random_values("x", rows * channels, 0.5, 2)},
          {"weight", random_values("weight", channels, 1, 0.25)},
          {"bias", random_values("bias", channels)},
          {"grad_out", random_values("grad_out", rows * channels)}};
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(matches_pytorch, Backend, AllBackends) {
  check_against_pytorch<Backend>("layer_norm", evaluate, 1000);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(backward_matches_finite_differences, Backend, DoubleBackends) {
  check_against_differences<Backend>(sizes(3, 7), inputs(3, 7), evaluate);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(matches_reference_loops, Backend, KernelBackends) {
  for (Index const channels : {1, 3, 16, 67, 1031})
    for (Index const rows : {1, 5, 67})
      check_against_reference<Backend>(sizes(rows, channels), inputs(rows, channels), evaluate, 64);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(same_bits_for_any_thread_count, Backend, CpuBackends) {
  check_threads<Backend>(sizes(131, 1031), inputs(131, 1031), evaluate);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(row_alone_equals_row_in_batch, Backend, KernelBackends) {
  check_rows_alone<Backend>(sizes(9, 67), "B", inputs(9, 67), {"x", "grad_out"},
                            {"out", "mean", "rstd", "grad_x"}, evaluate);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(nan_stays_in_its_row, Backend, KernelBackends) {
  Values in = inputs(3, 37);
  in.at("x")[40] = std::numeric_limits<double>::quiet_NaN();
  Values const results = evaluate(make_backend<Backend>(), sizes(3, 37), in);
  for (std::size_t i = 0; i < 3 * 37; ++i)
    BOOST_TEST(std::isnan(results.at("out")[i]) == (i / 37 == 1));
}

BOOST_AUTO_TEST_CASE(frozen_norm_wants_no_parameter_gradients) {
  accrete::BasicCpuBackend<double> const backend{};
  Values const in = inputs(3, 7);
  Tensor<double, 2> const x(in.at("x"), {3, 7}), grad_out(in.at("grad_out"), {3, 7});
  Tensor<double, 1> const weight(in.at("weight"), {7});
  Values const expected = evaluate(backend, sizes(3, 7), in);
  Tensor<double, 1> const mean(expected.at("mean"), {3}), rstd(expected.at("rstd"), {3});
  Tensor<double, 2> grad_x({3, 7});
  accrete::layer_norm_backward(backend, grad_out, x, weight, mean, rstd, grad_x, {}, {});
  BOOST_TEST(same_bits(grad_x.values(), expected.at("grad_x")));
}

BOOST_AUTO_TEST_CASE(weight_of_wrong_length_is_rejected) {
  accrete::CpuBackend const backend{};
  Tensor<float, 2> x({4, 3});
  Tensor<float, 1> two({2}), three({3}), four({4});
  BOOST_CHECK_EXCEPTION(accrete::layer_norm_forward(backend, x, two, three, x, four, four, 1e-5),
                        accrete::ShapeError,
                        says("layer_norm_forward: axis 0 of weight: expected 3, got 2"));
}

BOOST_AUTO_TEST_SUITE_END()
