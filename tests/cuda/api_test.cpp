#include <accrete/backend/cuda/context.hpp>

#include <boost/test/unit_test.hpp>

#include "support/all_close.hpp"
#include "support/fake_cuda.hpp"

BOOST_AUTO_TEST_SUITE(cuda_api)

namespace {

using accrete_test::FakeCuda;
using accrete_test::Index;
using accrete_test::says;

accrete::cuda::Context context_on(FakeCuda::Settings const& settings) {
  return accrete::cuda::Context(std::make_shared<FakeCuda>(settings));
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_error_names_call_file_line_and_what_it_was_about) {
  FakeCuda api({.fail_at = 1});
  void* stream = nullptr;
  BOOST_CHECK_EXCEPTION(
      ACCRETE_CUDA(api, cuda_stream_create(&stream), "a stream for ", 7), accrete::Error,
      says("cuda: cuda_stream_create(&stream): fake CUDA error 999 (a stream for 7) at "));
  api.settings().fail_at = 2;
  BOOST_CHECK_EXCEPTION(ACCRETE_CUDA(api, cuda_stream_create(&stream)), accrete::Error,
                        says("api_test.cpp:"));
}

BOOST_AUTO_TEST_CASE(no_driver_no_device_and_old_ones_are_said_in_a_sentence) {
  BOOST_CHECK_EXCEPTION(context_on({.driver_version = 0}), accrete::Error,
                        says("no CUDA device: this machine has no CUDA driver"));
  BOOST_CHECK_EXCEPTION(context_on({.devices = 0}), accrete::Error,
                        says("no CUDA device: none is visible to this program"));
  BOOST_CHECK_EXCEPTION(context_on({.driver_version = 12040}), accrete::Error,
                        says("the CUDA driver is too old: it is for CUDA 12.4, this program was "
                             "built with CUDA 13.0"));
  BOOST_CHECK_EXCEPTION(context_on({.major = 7, .minor = 5}), accrete::Error,
                        says("the CUDA device Fake is too old: its compute capability is 7.5, "
                             "expected at least 8.0"));
}

BOOST_AUTO_TEST_CASE(out_of_memory_says_what_was_asked_for_and_what_is_free) {
  auto const context = context_on({.memory = 1000});
  auto const held = context.allocate(600);
  BOOST_CHECK_EXCEPTION(
      static_cast<void>(context.allocate(500)), accrete::Error,
      says("out of device memory: 500 bytes were asked for, 400 of 1000 are free"));
}

BOOST_AUTO_TEST_CASE(memory_is_zeroed_and_lives_as_long_as_its_last_handle) {
  auto const api = std::make_shared<FakeCuda>();
  std::shared_ptr<std::byte[]> memory;
  {
    accrete::cuda::Context const context(api);
    memory = context.allocate(64);
    std::vector<unsigned char> bytes(64, 1);
    context.copy_to_host(bytes.data(), memory.get(), 64);
    BOOST_TEST((std::count(bytes.begin(), bytes.end(), 0) == 64));
  }
  BOOST_TEST(api->alive() == 1u);
  memory.reset();
  BOOST_TEST(api->alive() == 0u);
  BOOST_TEST(api->mistakes().empty());
}

BOOST_AUTO_TEST_CASE(scratch_grows_and_is_kept) {
  auto const api = std::make_shared<FakeCuda>();
  accrete::cuda::Context context(api);
  for (Index const bytes : {100, 50, 100, 200, 10})
    BOOST_TEST(context.scratch(bytes).as<char>() != nullptr);
  BOOST_TEST(api->allocations() == 2);
}

BOOST_AUTO_TEST_SUITE_END()
