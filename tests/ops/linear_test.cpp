#include <accrete/backend/cpu/linear.hpp>
#include <accrete/backend/reference/linear.hpp>

#include <boost/test/unit_test.hpp>

#include "support/operation_checks.hpp"

BOOST_AUTO_TEST_SUITE(linear)

namespace {

using namespace accrete_test;

/// With a number "scale" the outputs are added to what "before" holds.
auto const evaluate = []<class Backend>(Backend const& backend, Numbers const& numbers,
                                        Values const& in) {
  using T = typename Backend::Element;
  Index const n = size_of(numbers, "B") * size_of(numbers, "T");
  Index const c = size_of(numbers, "C");
  Index const o = size_of(numbers, "O");
  Tensor<T, 2> const x(in.at("x"), {n, c}), weight(in.at("weight"), {o, c});
  Tensor<T, 2> const grad_out(in.at("grad_out"), {n, o});
  Tensor<T, 1> const bias(in.contains("bias") ? in.at("bias") : std::vector<double>(std::size_t(o)),
                          {o});
  Tensor<T, 2> out({n, o}), grad_x({n, c}), grad_weight({o, c});
  Tensor<T, 1> grad_bias({o});
  accrete::LinearOptions options;
  if (numbers.contains("scale")) {
    options = {.scale = numbers.at("scale"), .accumulate = true};
    out = Tensor<T, 2>(random_values("out before", n * o), {n, o});
    grad_x = Tensor<T, 2>(random_values("grad_x before", n * c), {n, c});
    grad_weight = Tensor<T, 2>(random_values("grad_weight before", o * c), {o, c});
    grad_bias = Tensor<T, 1>(random_values("grad_bias before", o), {o});
  }
  if (in.contains("bias")) {
    accrete::linear_forward(backend, x, weight, bias, out, options);
  } else {
    accrete::linear_forward(backend, x, weight, {}, out, options);
  }
  accrete::linear_backward(backend, grad_out, x, weight, grad_x, grad_weight, grad_bias, options);
  return Values{{"out", out.doubles()},
                {"grad_x", grad_x.doubles()},
                {"grad_weight", grad_weight.doubles()},
                {"grad_bias", grad_bias.doubles()}};
};

Numbers sizes(Index rows, Index inputs, Index outputs) {
  return {{"B", double(rows)}, {"T", 1}, {"C", double(inputs)}, {"O", double(outputs)}};
}

Values inputs(Index rows, Index inputs, Index outputs) {
  return {{"x", random_values("x", rows * inputs)},
          {"weight", random_values("weight", outputs * inputs)},
          {"bias", random_values("bias", outputs)},
          {"grad_out", random_values("grad_out", rows * outputs)}};
}

constexpr std::array<std::array<Index, 3>, 8> awkward{{{1, 1, 1},
                                                       {1, 67, 3},
                                                       {5, 3, 1031},
                                                       {67, 96, 131},
                                                       {131, 1, 67},
                                                       {201, 96, 17},
                                                       {1, 1031, 96},
                                                       {67, 331, 15}}};

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(matches_pytorch, Backend, AllBackends) {
  check_against_pytorch<Backend>("linear", evaluate, 8);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(backward_matches_finite_differences, Backend, DoubleBackends) {
  check_against_differences<Backend>(sizes(3, 5, 4), inputs(3, 5, 4), evaluate);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(matches_reference_loops, Backend, KernelBackends) {
  for (auto const& [n, c, o] : awkward)
    check_against_reference<Backend>(sizes(n, c, o), inputs(n, c, o), evaluate, 16);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(scaled_and_added_matches_reference_loops, Backend, KernelBackends) {
  for (auto const& [n, c, o] : awkward) {
    Numbers numbers = sizes(n, c, o);
    numbers["scale"] = 0.5;
    check_against_reference<Backend>(numbers, inputs(n, c, o), evaluate, 16);
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(same_bits_for_any_thread_count, Backend, CpuBackends) {
  for (auto const& [n, c, o] : awkward)
    check_threads<Backend>(sizes(n, c, o), inputs(n, c, o), evaluate);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(row_alone_equals_row_in_batch, Backend, KernelBackends) {
  check_rows_alone<Backend>(sizes(67, 96, 131), "B", inputs(67, 96, 131), {"x", "grad_out"},
                            {"out", "grad_x"}, evaluate);
}

BOOST_AUTO_TEST_CASE(gradients_that_are_not_wanted_are_left_out) {
  accrete::BasicCpuBackend<double> const backend{};
  Values const in = inputs(5, 7, 3);
  Tensor<double, 2> const x(in.at("x"), {5, 7}), weight(in.at("weight"), {3, 7});
  Tensor<double, 2> const grad_out(in.at("grad_out"), {5, 3});
  Values const expected = evaluate(backend, sizes(5, 7, 3), in);
  Tensor<double, 2> grad_x({5, 7}), grad_weight({3, 7});
  Tensor<double, 1> grad_bias({3});
  accrete::linear_backward(backend, grad_out, x, weight, grad_x, {}, {});
  accrete::linear_backward(backend, grad_out, x, weight, {}, grad_weight, {});
  accrete::linear_backward(backend, grad_out, x, weight, {}, {}, grad_bias);
  BOOST_TEST(same_bits(grad_x.values(), expected.at("grad_x")));
  BOOST_TEST(same_bits(grad_weight.values(), expected.at("grad_weight")));
  BOOST_TEST(same_bits(grad_bias.values(), expected.at("grad_bias")));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(nan_stays_in_its_row, Backend, KernelBackends) {
  Values in = inputs(67, 96, 33);
  in.at("x")[13 * 96 + 5] = std::numeric_limits<double>::quiet_NaN();
  Values const results = evaluate(make_backend<Backend>(), sizes(67, 96, 33), in);
  for (std::size_t i = 0; i < 67 * 33; ++i)
    BOOST_TEST(std::isnan(results.at("out")[i]) == (i / 33 == 13));
}

BOOST_AUTO_TEST_CASE(sizes_that_do_not_fit_are_rejected) {
  accrete::CpuBackend const backend{};
  Tensor<float, 2> x({4, 3}), weight({5, 2}), out({4, 5});
  BOOST_CHECK_EXCEPTION(accrete::linear_forward(backend, x, weight, {}, out), accrete::ShapeError,
                        says("linear_forward: axis 1 of weight: expected 3, got 2"));
  BOOST_CHECK_EXCEPTION(accrete::linear_backward(backend, out, x, weight, {}, {}, {}),
                        accrete::ShapeError,
                        says("linear_backward: axis 1 of x: expected 2, got 3"));
}

BOOST_AUTO_TEST_SUITE_END()
