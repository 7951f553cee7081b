// Residual sums within norms: in numbers that are rounded, and where blocks use them.
#include <accrete/backend/cuda/cuda.hpp>

#include <boost/test/unit_test.hpp>

#include "support/all_close.hpp"
#include "support/fake_cuda.hpp"
#include "support/models.hpp"
#include "support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(cuda_residual_norm)

namespace {

using namespace accrete_test;
using accrete::bfloat16;
using Backend = accrete::CudaBackendBf16;

constexpr Index rows = 5, channels = 67;

std::vector<bfloat16> rounded(char const* name, Index count) {
  std::vector<bfloat16> values;
  for (double const value : random_values(name, count)) values.emplace_back(value);
  return values;
}
std::vector<double> doubles(std::vector<bfloat16> const& values) {
  std::vector<double> wide;
  for (bfloat16 const value : values) wide.push_back(static_cast<double>(value));
  return wide;
}
accrete::View<Backend, accrete::Element, 2> matrix(std::vector<bfloat16>& values) {
  return {values.data(), {rows, channels}};
}

}  // namespace

BOOST_AUTO_TEST_CASE(in_bfloat16_forward_has_the_bits_of_two_calls_and_backward_rounds_once) {
  Backend const backend(std::make_shared<FakeCuda>(FakeCuda::Settings{.checks_memory = false}));
  auto x = rounded("x", rows * channels), y = rounded("y", rows * channels);
  auto grad_out = rounded("grad_out", rows * channels);
  auto skipped = rounded("skipped", rows * channels);
  auto weights = rounded("weight", channels);
  accrete::View<Backend, accrete::Element, 1> const weight{weights.data(), {channels}};
  std::vector<float> rstds(rows);
  accrete::View<Backend, accrete::Statistic, 1> const rstd{rstds.data(), {rows}};

  auto sum = y, out = y, expected_sum = y, expected_out = y;
  accrete::residual_rms_norm_forward<Backend>(backend, matrix(x), matrix(sum), matrix(sum), weight,
                                              matrix(out), rstd, 1e-5);
  accrete::residual_add<Backend>(backend, matrix(x), matrix(y), matrix(expected_sum));
  accrete::rms_norm_forward<Backend>(backend, matrix(expected_sum), weight, matrix(expected_out),
                                     rstd, 1e-5);
  BOOST_TEST((doubles(sum) == doubles(expected_sum)));
  BOOST_TEST((doubles(out) == doubles(expected_out)));

  auto grad_x = y, once_more = y;  // the norm is frozen: it wants no gradient of its own
  accrete::residual_rms_norm_backward<Backend>(backend, matrix(grad_out), matrix(sum), weight, rstd,
                                               matrix(skipped), matrix(grad_x), {});
  accrete::rms_norm_backward<Backend>(backend, matrix(grad_out), matrix(sum), weight, rstd,
                                      matrix(once_more), {});
  accrete::residual_add<Backend>(backend, matrix(once_more), matrix(skipped), matrix(once_more));
  BOOST_TEST(all_close(doubles(grad_x), doubles(once_more), 0x1p-7, 0x1p-7));
}

BOOST_AUTO_TEST_CASE(a_block_leaves_one_sum_to_a_kernel_of_its_own) {
  auto const api = std::make_shared<FakeCuda>();
  GrowingModel<accrete::CudaBackend> model{
      accrete::CudaBackend(api),
      random_substrate(11, 8),
      {.seed = 3,
       .planned_depth = 2,
       .block = {.model_dim = 8, .head_count = 2, .hidden_dim = 12}}};
  model.body().grow(2);
  auto batches = random_batches(11, 2, 5);
  accrete::Trainer{model, accrete::AdamW{}, {.steps = 1}}.step(batches);
  auto const& launches = api->launches_by_name();
  BOOST_TEST(launches.at("residual_layer_norm_forward") == 2);
  BOOST_TEST(launches.at("residual_layer_norm_backward") == 4);
  BOOST_TEST(launches.at("residual_add") == 2);
}

BOOST_AUTO_TEST_SUITE_END()
