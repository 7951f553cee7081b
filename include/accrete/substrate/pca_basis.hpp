/// What a principal component analysis leaves behind.
#pragma once

#include <vector>

#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>

ACCRETE_BEGIN_NAMESPACE

/// The mean row and the directions of largest variance, in descending order. In each direction the
/// entry of largest absolute value is positive; among equals it is the one of the lowest bit.
struct PcaBasis {
  Index bit_count{};
  Index width{};
  std::vector<double> mean;        // (bits)
  std::vector<double> components;  // (bits, width)
  std::vector<double> variances;   // (width), as of a sample: sums of squares / (rows - 1)
};

ACCRETE_END_NAMESPACE
