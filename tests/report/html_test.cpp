#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <string>

#include <accrete/report/html.hpp>
#include <accrete/report/plot.hpp>

#include "well_formed.hpp"

BOOST_AUTO_TEST_SUITE(html)

using accrete::HtmlPage;
using accrete_test::occurrences;
using accrete_test::xml_fault;

std::string const hostile = "<script>alert('&')</script>\"\x01\xFF";

HtmlPage page_of_everything(std::string const& words) {
  HtmlPage page(words, "en");
  page.lead(words);
  page.tiles({{words, words}});
  page.heading(words);
  page.subheading(words);
  page.paragraph(words);
  page.preformatted(words);
  page.table(
      {.columns = {{words}, {words, true}}, .rows = {{{words}, {words, true}}}, .caption = words});
  page.figure(accrete::plot::to_svg(accrete::plot::LinePlot{.caption = {.title = words}}), words);
  page.verdicts({{true, words, words}, {false, words, ""}});
  page.quote({words, words, words, words});
  page.facts({{words, words}});
  return page;
}

BOOST_AUTO_TEST_CASE(all_words_are_escaped) {
  std::string const text = page_of_everything(hostile).text();
  BOOST_TEST(xml_fault(text, {"meta"}) == "");
  BOOST_TEST(occurrences(text, "<script") == 0);
}

BOOST_AUTO_TEST_CASE(a_page_needs_nothing_but_itself) {
  std::string const text = page_of_everything("words").text();
  for (std::string const reference : {"src=", "href=", "url(", "@import", "<link"}) {
    BOOST_TEST(occurrences(text, reference) == 0, reference);
  }
  BOOST_TEST(occurrences(text, "http") == 1);  // the name of SVG, which nobody fetches
}

BOOST_AUTO_TEST_CASE(screens_may_be_dark_and_paper_stays_light) {
  std::string const text = page_of_everything("words").text();
  BOOST_TEST(text.find("@media screen and (prefers-color-scheme:dark){:root{") !=
             std::string::npos);
  BOOST_TEST(text.find("@media print{") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(numbers_are_aligned_to_the_right) {
  HtmlPage page("t");
  page.table({.columns = {{"name"}, {"bits", true}}, .rows = {{{"en"}, {"2.31", true}}}});
  BOOST_TEST(page.text().find("<tr><td>en</td><td class=\"number\"><b>2.31</b></td></tr>") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_row_needs_a_cell_per_column) {
  HtmlPage page("t");
  BOOST_CHECK_THROW(page.table({.columns = {{"a"}, {"b"}}, .rows = {{{"1"}}}}),
                    accrete::ValueError);
}

BOOST_AUTO_TEST_CASE(a_verdict_says_in_words_whether_it_holds) {
  HtmlPage page("t");
  page.verdicts({{true, "yes", ""}, {false, "no", ""}});
  BOOST_TEST(occurrences(page.text(), "aria-label=\"holds\"") == 1);
  BOOST_TEST(occurrences(page.text(), "aria-label=\"fails\"") == 1);
}

BOOST_AUTO_TEST_SUITE_END()
