/// The entry point of every test program. (BOOST_TEST_MODULE would not work behind a precompiled header.)
#include <boost/test/unit_test.hpp>

static bool name_the_suite() {
  boost::unit_test::framework::master_test_suite().p_name.value = "accrete";
  return true;
}

#ifdef BOOST_TEST_DYN_LINK
int main(int argc, char* argv[]) {
  return boost::unit_test::unit_test_main(&name_the_suite, argc, argv);
}
#else  // Boost's static library has the main() that calls this.
boost::unit_test::test_suite* init_unit_test_suite(int, char*[]) {
  name_the_suite();
  return nullptr;
}
#endif
