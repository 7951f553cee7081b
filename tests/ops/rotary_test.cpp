#include <accrete/backend/cpu/rotary.hpp>
#include <accrete/backend/reference/rotary.hpp>

#include <boost/test/unit_test.hpp>

#include "support/operation_checks.hpp"

BOOST_AUTO_TEST_SUITE(rotary)

namespace {

using namespace accrete_test;

/// (B,T,3,H,D) with `values` (B,T,H,D) as queries, as keys and as values.
template <class T>
Tensor<T, 5> three_times(std::vector<double> const& values, typename Tensor<T, 5>::Sizes sizes) {
  Tensor<T, 5> result(sizes);
  auto const view = result.view();
  std::size_t i = 0;
  for (Index b = 0; b < sizes[0]; ++b)
    for (Index t = 0; t < sizes[1]; ++t)
      for (Index h = 0; h < sizes[3]; ++h)
        for (Index d = 0; d < sizes[4]; ++d, ++i)
          for (Index part = 0; part < 3; ++part) view(b, t, part, h, d) = static_cast<T>(values[i]);
  return result;
}

template <class T>
std::vector<double> part_of(Tensor<T, 5>& tensor, Index part) {
  std::vector<double> result;
  auto const view = tensor.view();
  for (Index b = 0; b < view.size(0); ++b)
    for (Index t = 0; t < view.size(1); ++t)
      for (Index h = 0; h < view.size(3); ++h)
        for (Index d = 0; d < view.size(4); ++d) result.push_back(view(b, t, part, h, d));
  return result;
}

auto const evaluate = []<class Backend>(Backend const& backend, Numbers const& numbers,
                                        Values const& in) {
  using T = typename Backend::Element;
  Index const batch = size_of(numbers, "B");
  std::array<Index, 5> const sizes{batch, size_of(numbers, "T"), 3, size_of(numbers, "H"),
                                   size_of(numbers, "D")};
  TensorValues<Index> const positions(static_cast<std::size_t>(batch), size_of(numbers, "start"));
  auto const start = numbers.at("start") == 0
                         ? accrete::View<Backend, Index const, 1>{}
                         : accrete::View<Backend, Index const, 1>{positions.data(), {batch}};
  auto qkv = three_times<T>(in.at("x"), sizes);
  auto grad_qkv = three_times<T>(in.at("grad_out"), sizes);
  accrete::rotary_forward(backend, qkv, start, numbers.at("base"));
  accrete::rotary_backward(backend, grad_qkv, start, numbers.at("base"));
  BOOST_TEST(same_bits(part_of(qkv, 0), part_of(qkv, 1)));
  BOOST_TEST(same_bits(part_of(qkv, 2), in.at("x")));
  BOOST_TEST(same_bits(part_of(grad_qkv, 2), in.at("grad_out")));
  return Values{{"out", part_of(qkv, 0)}, {"grad_x", part_of(grad_qkv, 1)}};
};

Numbers sizes(Index batch, Index time, Index heads, Index width) {
  return {{"B", double(batch)}, {"T", double(time)}, {"H", double(heads)},
          {"D", double(width)}, {"start", 0},        {"base", 10000}};
}

Values inputs(Index count) {
  return {{"x", random_values("x", count)}, {"grad_out", random_values("grad_out", count)}};
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(matches_pytorch, Backend, AllBackends) {
  check_against_pytorch<Backend>("rotary", evaluate, 4);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(backward_matches_finite_differences, Backend, DoubleBackends) {
  check_against_differences<Backend>(sizes(2, 3, 2, 6), inputs(2 * 3 * 2 * 6), evaluate);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(matches_reference_loops, Backend, KernelBackends) {
  for (Index const width : {2, 6, 32, 70})
    for (Index const time : {1, 67})
      check_against_reference<Backend>(sizes(2, time, 3, width), inputs(2 * time * 3 * width),
                                       evaluate, 4);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(each_sequence_may_stand_at_its_own_position, Backend,
                              KernelBackends) {
  auto const backend = make_backend<Backend>();
  using T = typename Backend::Element;
  auto whole = three_times<T>(random_values("x", 11 * 12), {1, 11, 3, 2, 6});
  auto const before = whole.values();
  accrete::rotary_forward(backend, whole, {}, 10000);
  // Tokens 7 and 2 of that sequence as two sequences of one token.
  constexpr std::ptrdiff_t token = 3 * 2 * 6;
  Tensor<T, 5> two({2, 1, 3, 2, 6});
  std::copy_n(before.begin() + 7 * token, token, two.values().begin());
  std::copy_n(before.begin() + 2 * token, token, two.values().begin() + token);
  Tensor<Index, 1> const positions({7, 2}, {2});
  accrete::rotary_forward(backend, two, positions, 10000);
  std::vector<T> expected(2 * token);
  std::copy_n(whole.values().begin() + 7 * token, token, expected.begin());
  std::copy_n(whole.values().begin() + 2 * token, token, expected.begin() + token);
  BOOST_TEST(same_bits(two.values(), expected));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(same_bits_for_any_thread_count, Backend, CpuBackends) {
  check_threads<Backend>(sizes(3, 67, 4, 66), inputs(3 * 67 * 4 * 66), evaluate);
}

BOOST_AUTO_TEST_CASE(odd_width_is_rejected) {
  Tensor<float, 5> qkv({1, 2, 3, 2, 5});
  BOOST_CHECK_EXCEPTION(
      accrete::rotary_forward(accrete::CpuBackend{}, qkv, {}, 10000), accrete::ShapeError,
      says("rotary_forward: qkv must be (B,T,3,H,D) with even D, got axis 2 of 3 and D of 5"));
}

BOOST_AUTO_TEST_SUITE_END()
