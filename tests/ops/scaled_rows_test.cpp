#include <accrete/backend/cpu/scaled_rows.hpp>
#include <accrete/backend/reference/scaled_rows.hpp>

#include <boost/test/unit_test.hpp>

#include "support/operation_checks.hpp"

BOOST_AUTO_TEST_SUITE(scaled_rows)

namespace {

using namespace accrete_test;

auto const evaluate = []<class Backend>(Backend const& backend, Numbers const& numbers,
                                        Values const& in) {
  using T = typename Backend::Element;
  Index const n = size_of(numbers, "N"), c = size_of(numbers, "C");
  Tensor<T, 2> x(in.at("x"), {n, c}), out(in.at("before"), {n, c});
  Tensor<T, 2> const grad_out(in.at("grad_out"), {n, c});
  Tensor<T, 1> const token_scale(in.at("token_scale"), {n});
  Tensor<T, 1> grad_token_scale({n});
  accrete::scaled_rows_forward(backend, x, token_scale, out, {.scale = 0.75, .accumulate = true});
  accrete::scaled_rows_backward(backend, grad_out, token_scale, x, grad_token_scale, 0.75);
  return Values{{"out", out.doubles()},
                {"grad_x", x.doubles()},
                {"grad_token_scale", grad_token_scale.doubles()}};
};

Numbers sizes(Index rows, Index width) {
  return {{"N", double(rows)}, {"C", double(width)}};
}
Values inputs(Index rows, Index width) {
  return {{"x", random_values("x", rows * width)},
          {"before", random_values("before", rows * width)},
          {"token_scale", random_values("token_scale", rows)},
          {"grad_out", random_values("grad_out", rows * width)}};
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(backward_matches_finite_differences, Backend, DoubleBackends) {
  check_against_differences<Backend>(sizes(3, 7), inputs(3, 7), evaluate);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(matches_reference_loops, Backend, KernelBackends) {
  for (Index const width : {1, 16, 67, 1031})
    check_against_reference<Backend>(sizes(19, width), inputs(19, width), evaluate, 16);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(same_bits_for_any_thread_count, Backend, CpuBackends) {
  check_threads<Backend>(sizes(131, 1031), inputs(131, 1031), evaluate);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(row_alone_equals_row_in_batch, Backend, KernelBackends) {
  check_rows_alone<Backend>(sizes(9, 67), "N", inputs(9, 67),
                            {"x", "before", "token_scale", "grad_out"},
                            {"out", "grad_x", "grad_token_scale"}, evaluate);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(without_scales_rows_are_copied, Backend, AllBackends) {
  using T = typename Backend::Element;
  Tensor<T, 2> const x(random_values("x", 4 * 21), {4, 21});
  Tensor<T, 2> out({4, 21});
  accrete::scaled_rows_forward(make_backend<Backend>(), x, {}, out);
  BOOST_TEST(same_bits(out.doubles(), x.doubles()));
}

BOOST_AUTO_TEST_SUITE_END()
