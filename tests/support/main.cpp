/// The entry point of every test program. (BOOST_TEST_MODULE would not work behind a precompiled header.)
#include <boost/test/unit_test.hpp>

static bool name_the_suite() {
  boost::unit_test::framework::master_test_suite().p_name.value = "accrete";
  return true;
}

int main(int argc, char* argv[]) {
  return boost::unit_test::unit_test_main(&name_the_suite, argc, argv);
}
