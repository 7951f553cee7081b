#include <boost/test/unit_test.hpp>

#include <accrete/nn/block_start.hpp>

#include "support/error_text.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(block_start)

namespace {

void check_placement(BlockStart start, Index depth, Index count, Index position,
                     std::vector<Index> const& sources) {
  BlockPlacement const placement = place_blocks(start, depth, count);
  BOOST_TEST(placement.position == position);
  BOOST_TEST(placement.sources == sources, boost::test_tools::per_element());
}

void refuse(BlockStart start, Index depth, Index count, char const* sentence) {
  BOOST_CHECK_EXCEPTION(static_cast<void>(place_blocks(start, depth, count)), ValueError,
                        says(sentence));
}

}  // namespace

BOOST_AUTO_TEST_CASE(new_blocks_stand_and_copy_as_defined) {
  check_placement(BlockStart::random, 3, 2, 3, {});
  check_placement(BlockStart::zero_output, 0, 2, 0, {});
  check_placement(BlockStart::copy_top, 5, 2, 5, {3, 4});
  check_placement(BlockStart::copy_stack, 2, 2, 2, {0, 1});
  check_placement(BlockStart::copy_stack, 2, 4, 2, {0, 1, 0, 1});
  check_placement(BlockStart::middle, 3, 1, 2, {1});
  check_placement(BlockStart::middle, 4, 1, 2, {1});
  check_placement(BlockStart::middle, 6, 2, 4, {2, 3});
  check_placement(BlockStart::middle, 2, 2, 2, {0, 1});
}

BOOST_AUTO_TEST_CASE(what_cannot_be_is_refused_by_name) {
  for (auto const start : {BlockStart::random, BlockStart::copy_top}) {
    refuse(start, 2, 0, "the number of blocks to add: expected at least 1, got 0");
    refuse(start, 2, -3, "got -3");
  }
  for (auto const start : {BlockStart::copy_top, BlockStart::copy_stack, BlockStart::middle})
    refuse(start, 0, 1, "there is no block yet that could be copied");
  refuse(BlockStart::copy_top, 2, 3,
         "cannot start as copy_top: expected at most as many blocks as stand, 2, got 3");
  refuse(BlockStart::middle, 2, 3, "cannot start as middle");
  refuse(BlockStart::copy_stack, 2, 3,
         "cannot start as copy_stack: expected a multiple of the 2 blocks");
}

BOOST_AUTO_TEST_SUITE_END()
