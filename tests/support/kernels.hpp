/// The kernels of both backends for the host, which nearly all tests need; kernels.cpp has them compiled once, optimised.
#pragma once

#include <accrete/backend/cpu/cpu.hpp>
#include <accrete/backend/reference/reference.hpp>

#define ACCRETE_TEST_KERNELS_OF(PREFIX, BACKEND)                  \
  PREFIX template struct accrete::AdamWKernel<BACKEND>;           \
  PREFIX template struct accrete::CausalAttentionKernel<BACKEND>; \
  PREFIX template struct accrete::CrossEntropyKernel<BACKEND>;    \
  PREFIX template struct accrete::EmbeddingKernel<BACKEND>;       \
  PREFIX template struct accrete::ExpertWeightsKernel<BACKEND>;   \
  PREFIX template struct accrete::FillZeroKernel<BACKEND>;        \
  PREFIX template struct accrete::GeluKernel<BACKEND>;            \
  PREFIX template struct accrete::LayerNormKernel<BACKEND>;       \
  PREFIX template struct accrete::LinearKernel<BACKEND>;          \
  PREFIX template struct accrete::LowRankKernel<BACKEND>;         \
  PREFIX template struct accrete::MixtureKernel<BACKEND>;         \
  PREFIX template struct accrete::ResidualAddKernel<BACKEND>;     \
  PREFIX template struct accrete::RmsNormKernel<BACKEND>;         \
  PREFIX template struct accrete::RotaryKernel<BACKEND>;          \
  PREFIX template struct accrete::ScaledRowsKernel<BACKEND>;      \
  PREFIX template struct accrete::SquaredNormKernel<BACKEND>;     \
  PREFIX template struct accrete::SwigluKernel<BACKEND>;          \
  PREFIX template struct accrete::TokenScaledLinearKernel<BACKEND>

#define ACCRETE_TEST_PRODUCTS_OF(PREFIX, T)                                 \
  PREFIX template void accrete::detail::product<T>(                         \
      accrete::ThreadPool&, accrete::detail::MatrixView<T const>,           \
      accrete::detail::MatrixView<T const>, accrete::detail::MatrixView<T>, \
      accrete::detail::ProductOptions<T>)

#define ACCRETE_TEST_KERNELS(PREFIX)                                  \
  ACCRETE_TEST_PRODUCTS_OF(PREFIX, float);                            \
  ACCRETE_TEST_PRODUCTS_OF(PREFIX, double);                           \
  ACCRETE_TEST_KERNELS_OF(PREFIX, accrete::ReferenceBackend<float>);  \
  ACCRETE_TEST_KERNELS_OF(PREFIX, accrete::ReferenceBackend<double>); \
  ACCRETE_TEST_KERNELS_OF(PREFIX, accrete::BasicCpuBackend<float>);   \
  ACCRETE_TEST_KERNELS_OF(PREFIX, accrete::BasicCpuBackend<double>)

#ifndef ACCRETE_USE_CBLAS  // kernels.cpp is compiled for Eigen's engine alone
ACCRETE_TEST_KERNELS(extern);
#endif
