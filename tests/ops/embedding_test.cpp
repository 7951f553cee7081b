#include <accrete/backend/cpu/embedding.hpp>
#include <accrete/backend/reference/embedding.hpp>

#include <boost/test/unit_test.hpp>

#include "support/operation_checks.hpp"

BOOST_AUTO_TEST_SUITE(embedding)

namespace {

using namespace accrete_test;

auto const evaluate = []<class Backend>(Backend const& backend, Numbers const& numbers,
                                        Values const& in) {
  using T = typename Backend::Element;
  Index const n = size_of(numbers, "B") * size_of(numbers, "T");
  Index const v = size_of(numbers, "V");
  Index const w = size_of(numbers, "C");
  Index const c = w * size_of(numbers, "repeat");
  Tensor<accrete::TokenId, 1> const ids(in.at("ids"), {n});
  Tensor<T, 2> const table(in.at("table"), {v, w}), grad_out(in.at("grad_out"), {n, c});
  Tensor<T, 2> out({n, c}), grad_table({v, w});
  accrete::embedding_forward(backend, ids, table, out);
  accrete::embedding_backward(backend, ids, grad_out, grad_table);
  return Values{{"out", out.doubles()}, {"grad_table", grad_table.doubles()}};
};

Numbers sizes(Index tokens, Index width, Index repeat) {
  return {
      {"B", double(tokens)}, {"T", 1}, {"V", 67}, {"C", double(width)}, {"repeat", double(repeat)}};
}

Values inputs(Index tokens, Index width, Index repeat) {
  return {{"table", random_values("table", 67 * width)},
          {"ids", random_ids("ids", tokens, 67)},
          {"grad_out", random_values("grad_out", tokens * width * repeat)}};
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(matches_pytorch, Backend, AllBackends) {
  check_against_pytorch<Backend>("embedding", evaluate, 4);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(backward_matches_finite_differences, Backend, DoubleBackends) {
  check_against_differences<Backend>(sizes(5, 3, 2), inputs(5, 3, 2), evaluate);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(matches_reference_loops, Backend, KernelBackends) {
  for (Index const width : {1, 3, 16, 67, 1031})
    for (Index const repeat : {1, 3})
      check_against_reference<Backend>(sizes(131, width, repeat), inputs(131, width, repeat),
                                       evaluate, 32);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(same_bits_for_any_thread_count, Backend, CpuBackends) {
  check_threads<Backend>(sizes(1031, 131, 1), inputs(1031, 131, 1), evaluate);
}

BOOST_AUTO_TEST_CASE(backward_adds_to_the_gradient) {
  accrete::BasicCpuBackend<double> const backend{};
  Tensor<accrete::TokenId, 1> const ids({1, 1}, {2});
  Tensor<double, 2> const grad_out({2, 3}, {2, 1});
  Tensor<double, 2> grad_table({5, 7}, {2, 1});
  accrete::embedding_backward(backend, ids, grad_out, grad_table);
  BOOST_TEST(grad_table.doubles() == (std::vector<double>{5, 12}));
}

BOOST_AUTO_TEST_CASE(width_that_is_no_multiple_is_rejected) {
  Tensor<accrete::TokenId, 1> const ids({4});
  Tensor<float, 2> table({5, 3}), out({4, 8});
  BOOST_CHECK_EXCEPTION(
      accrete::embedding_forward(accrete::CpuBackend{}, ids, table, out), accrete::ShapeError,
      says("embedding_forward: the row width 8 is no multiple of the table width 3"));
}

BOOST_AUTO_TEST_SUITE_END()
