#include <accrete/report/machine.hpp>

#include <boost/test/unit_test.hpp>

#include <fstream>
#include <vector>

#include "support/scratch_folder.hpp"

BOOST_AUTO_TEST_SUITE(machine)

BOOST_AUTO_TEST_CASE(a_value_is_what_follows_the_colon) {
  accrete_test::ScratchFolder const folder;
  std::string const path = (folder / "facts").string();
  std::ofstream(path)
      << "processor\t: 0\nmodel name\t: A Processor: fast\nempty\t:\nVmHWM:\t  2048 kB\n";
  auto const value = [&](std::string_view name) {
    return accrete::detail::proc_value(path.c_str(), name);
  };
  BOOST_TEST(value("model name") == "A Processor: fast");
  BOOST_TEST(value("VmHWM") == "2048 kB");
  BOOST_TEST(value("empty") == "");
  BOOST_TEST(value("no such") == "");
  BOOST_TEST(accrete::detail::proc_value((folder / "none").string().c_str(), "x") == "");
}

BOOST_AUTO_TEST_CASE(peak_memory_counts_what_was_touched) {
  std::vector<char> const touched(64 << 20, 'x');
  BOOST_TEST(accrete::peak_memory_mib() >= 64);
  BOOST_TEST(!accrete::processor_name().empty());
  BOOST_TEST(touched.back() == 'x');
}

BOOST_AUTO_TEST_SUITE_END()
