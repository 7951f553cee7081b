// Attention of one new token by chunks of positions, against the reference loops.
#include <accrete/backend/cuda/cuda.hpp>

#include <boost/test/unit_test.hpp>

#include "support/all_close.hpp"
#include "support/kernels.hpp"
#include "support/tensors.hpp"
#include "support/tested_cuda.hpp"

BOOST_AUTO_TEST_SUITE(cuda_attention_decode)

namespace {

using namespace accrete_test;
using accrete::bfloat16;
template <class E>
using Cuda = accrete::BasicCudaBackend<E>;
using Elements = std::tuple<float, bfloat16, double>;

constexpr Index batch = 3, heads = 2;

/// Random values that E holds exactly.
template <class E>
std::vector<double> rounded(char const* name, Index count, double deviation = 1) {
  auto values = random_values(name, count, 0, deviation);
  for (double& value : values) value = static_cast<double>(static_cast<E>(value));
  return values;
}

template <class Own>
std::vector<double> wide(Own& tensor) {
  std::vector<double> result;
  for (auto const value : tensor.values()) result.push_back(static_cast<double>(value));
  return result;
}

/// What decoding one token gives and leaves in the cache, numbers of type T from values that E holds.
template <class E, class T, class Backend>
Values decode(Backend const& backend, std::vector<double> const& positions, Index width,
              Index capacity) {
  Tensor<T, 5> const qkv(rounded<E>("qkv", batch * 3 * heads * width, 2),
                         {batch, 1, 3, heads, width});
  auto const cache = [&](char const* name) {
    return Tensor<T, 4>(rounded<E>(name, batch * heads * capacity * width),
                        {batch, heads, capacity, width});
  };
  auto keys = cache("keys"), values = cache("values");
  Tensor<Index, 1> const at(positions, {batch});
  Tensor<T, 4> out({batch, 1, heads, width});
  accrete::causal_attention_decode<Backend>(backend, qkv, keys, values, at, out);
  return {{"out", wide(out)}, {"keys", wide(keys)}, {"values", wide(values)}};
}

template <class E>
Cuda<E> backend_with_kernels() {
  return Cuda<E>(cuda_for_operations(), {.deterministic = true, .decode_kernels = true});
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(each_sequence_attends_up_to_its_own_position, E, Elements) {
  auto const backend = backend_with_kernels<E>();
  for (Index const width : {1, 5, 32, 33, 70, 200}) {
    Index const chunk = width <= 32 ? 64 : width <= 64 ? 32 : width <= 128 ? 16 : 8;
    double const c = static_cast<double>(chunk);
    for (std::vector<double> const& positions :
         {std::vector<double>{0, 1, c - 1}, {c, c + 1, 2 * c - 1}, {3 * c + 2, 5, 2 * c}}) {
      BOOST_TEST_CONTEXT("D " << width << ", at " << positions[0]) {
        auto const result = decode<E, E>(backend, positions, width, 3 * chunk + 3);
        auto const expected =
            decode<E, double>(accrete::ReferenceBackend<double>{}, positions, width, 3 * chunk + 3);
        BOOST_TEST(all_close(result.at("out"), expected.at("out"), 16 * epsilon<E>));
        BOOST_TEST((result.at("keys") == expected.at("keys")));
        BOOST_TEST((result.at("values") == expected.at("values")));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(room_in_the_cache_changes_no_bit, E, Elements) {
  auto const backend = backend_with_kernels<E>();
  Index const width = 32;
  auto const with_room_for = [&](Index capacity) {  // key s of head (b, h) is the same in each
    Tensor<E, 5> const qkv(rounded<E>("qkv", 3 * width), {1, 1, 3, 1, width});
    Tensor<E, 4> keys(rounded<E>("keys", capacity * width), {1, 1, capacity, width});
    Tensor<E, 4> values(rounded<E>("values", capacity * width), {1, 1, capacity, width});
    Tensor<Index, 1> const at({99}, {1});
    Tensor<E, 4> out({1, 1, 1, width});
    accrete::causal_attention_decode<Cuda<E>>(backend, qkv, keys, values, at, out);
    return wide(out);
  };
  BOOST_TEST(same_bits(with_room_for(100), with_room_for(1000)));
}

BOOST_AUTO_TEST_CASE(a_nan_in_any_chunk_reaches_the_token) {
  auto const backend = backend_with_kernels<float>();
  constexpr Index capacity = 200, width = 8;
  for (Index const place : {3, 70, 199}) {
    Tensor<float, 5> const qkv(random_values("qkv", 3 * width), {1, 1, 3, 1, width});
    Tensor<float, 4> keys(random_values("keys", capacity * width), {1, 1, capacity, width});
    auto values = keys;
    keys.values()[static_cast<std::size_t>(place * width)] = std::nanf("");
    Tensor<Index, 1> const at({150}, {1});
    Tensor<float, 4> out({1, 1, 1, width});
    accrete::causal_attention_decode<Cuda<float>>(backend, qkv, keys, values, at, out);
    for (float const value : out.values()) BOOST_TEST(std::isnan(value) == (place <= 150));
  }
}

BOOST_AUTO_TEST_SUITE_END()
