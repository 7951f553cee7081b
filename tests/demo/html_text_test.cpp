#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "../../examples/demo/html_text.hpp"

using demo::extract_html_text;
using demo::HtmlRules;
using demo::SkippedHtml;

BOOST_AUTO_TEST_SUITE(html_text)

namespace {

SkippedHtml skipped;

/// The paragraphs, separated by '|'.
std::string paragraphs(std::string_view page, HtmlRules const& rules = {}) {
  std::string out;
  skipped = extract_html_text(page, rules, [&](std::string_view paragraph) {
    if (!out.empty()) out += '|';
    out += paragraph;
  });
  return out;
}

HtmlRules const libreoffice{.only_inside_id = "DisplayArea", .excluded_classes = {"MAC"}};
HtmlRules const book{.navigation_classes = {"navheader", "toc"}, .navigation_ids = {"banner"}};

}  // namespace

BOOST_AUTO_TEST_CASE(blocks_are_paragraphs_and_inline_elements_are_not) {
  BOOST_TEST(paragraphs("<h1>Title</h1><p>One <b>bold</b> and <a href=x>linked</a> "
                        "word.</p><ul><li>first<li>second</ul>") ==
             "Title|One bold and linked word.|first|second");
  BOOST_TEST(paragraphs("<table><tr><td>a<td>b<tr><td>c</table>") == "a|b|c");
  BOOST_TEST(paragraphs("before<div>inside</div>after") == "before|inside|after");
  BOOST_TEST(paragraphs("<dl><dt>term<dd>meaning</dl>") == "term|meaning");
}

BOOST_AUTO_TEST_CASE(white_space_is_one_space_between_words) {
  BOOST_TEST(paragraphs("<p>\n  one\t\ttwo\r\n<b> three</b>&nbsp; \xC2\xA0 four </p>") ==
             "one two three four");
  BOOST_TEST(paragraphs("<p>one<br>two<br/>\nthree</p>") == "one two three");
  BOOST_TEST(paragraphs("<p> \n </p><p>&nbsp;</p>").empty());
}

BOOST_AUTO_TEST_CASE(preformatted_text_keeps_its_lines) {
  BOOST_TEST(paragraphs("<pre>\nSub Main\r\n    Print 1 &lt; 2\nEnd Sub\n\n</pre>") ==
             "Sub Main\n    Print 1 < 2\nEnd Sub");
  BOOST_TEST(paragraphs("<pre><code>a<br>b</code></pre>") == "a\nb");
}

BOOST_AUTO_TEST_CASE(entities_are_decoded) {
  BOOST_TEST(
      paragraphs("<p>R&amp;D &laquo;&#1076;&#x430;&raquo; &unknown; &copy 5 &lt;p&gt;</p>") ==
      "R&D «да» &unknown; &copy 5 <p>");
}

BOOST_AUTO_TEST_CASE(scripts_styles_and_navigation_are_skipped) {
  BOOST_TEST(paragraphs("<head><title>Head</title><style>p{}</style></head><body><nav>Menu</"
                        "nav><script>var x=1;</script>"
                        "<p>Text</p><noscript>No</noscript><footer>Foot</footer></body>") ==
             "Text");
  BOOST_TEST(skipped.scripts == 3 + 8);
  BOOST_TEST(skipped.navigation == 4 + 4 + 2 + 4);
  BOOST_TEST(skipped.excluded == 0);
}

BOOST_AUTO_TEST_CASE(only_the_article_of_a_help_page_is_text) {
  BOOST_TEST(paragraphs("<header>Help 7.4</header><div id=\"Index\"><p>Index</p></div>"
                        "<div id=\"DisplayArea\"><h1>Поля</h1><div><p>Текст</p></div></div>"
                        "<div id=\"DEBUG\"><p>Debug</p></div>",
                        libreoffice) == "Поля|Текст");
  BOOST_TEST(skipped.navigation == 8 + 5 + 5);
}

BOOST_AUTO_TEST_CASE(text_for_another_system_is_left_out) {
  BOOST_TEST(
      paragraphs(
          "<div id=DisplayArea><p>Press <span class=\"switchinline\"><span hidden=\"true\" "
          "class=\"MAC\">"
          "<span class=\"keycode\">Command</span></span><span><span>Ctrl</span></span></span> + "
          "F.</p></div>",
          libreoffice) == "Press Ctrl + F.");
  BOOST_TEST(skipped.excluded == 7);
}

BOOST_AUTO_TEST_CASE(navigation_is_known_by_class_or_id) {
  BOOST_TEST(paragraphs("<div id=banner>Get it</div><div class='x navheader y'><p>Prev "
                        "<div>deep</div></p></div><p>Text</p>"
                        "<div class=toc><dl><dt>1. One</dl></div><p class=tocs>More</p>",
                        book) == "Text|More");
}

BOOST_AUTO_TEST_CASE(a_page_without_the_article_has_no_text) {
  BOOST_TEST(paragraphs("<p>Text</p>", libreoffice).empty());
  BOOST_TEST(skipped.navigation == 4);
}

BOOST_AUTO_TEST_CASE(unclosed_elements_end_with_what_holds_them) {
  BOOST_TEST(paragraphs("<div id=DisplayArea><p>one<p>two<ul><li>three</div><p>outside",
                        libreoffice) == "one|two|three");
  BOOST_TEST(
      paragraphs("<div id=DisplayArea>" + std::string(1000, 'x') + "<p>y", libreoffice).size() ==
      1002U);
  std::string many = "<div id=DisplayArea>";
  for (int i = 0; i < 1000; ++i) many += "<p>";
  BOOST_TEST(paragraphs(many + "in</div>out", libreoffice) == "in");
}

BOOST_AUTO_TEST_CASE(end_tags_of_nothing_end_nothing) {
  BOOST_TEST(paragraphs("<div id=DisplayArea>a</span></section></td>b</div>c", libreoffice) ==
             "a|b");
}

BOOST_AUTO_TEST_CASE(lists_in_items_keep_their_items) {
  BOOST_TEST(paragraphs("<ul><li class=toc>skip<ul><li>skip too</ul>still<li>kept</ul>", book) ==
             "kept");
}

BOOST_AUTO_TEST_CASE(deep_pages_come_to_an_end) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "<div>";
  deep += "bottom";
  for (int i = 0; i < 100'000; ++i) deep += "</div>";
  BOOST_TEST(paragraphs(deep + "<p>after") == "bottom|after");
}

BOOST_AUTO_TEST_CASE(time_is_linear_in_hostile_pages) {
  // A megabyte of each; anything quadratic would take minutes.
  for (std::string const piece :
       {"<",    "<p",      "<p>",       "</p>",   "<!--",     "<script>", "</script", "&#",
        "&",    "<a b=\"", "<a b='",    "<li>",   "<td>",     "<b>",      "<div>",    "<pre>\n",
        "<br>", "<a ",     "<![CDATA[", "&nbsp;", "<ul><li>", "=",        "<x y "}) {
    std::string page;
    while (page.size() < 1'000'000) page += piece;
    BOOST_TEST(paragraphs(page).size() <= page.size());
    BOOST_TEST(paragraphs("<script>" + page).empty());
  }
}

BOOST_AUTO_TEST_CASE(no_soup_of_tags_harms) {
  std::vector<std::string> const pieces{"<p>",
                                        "</p>",
                                        "<div id=DisplayArea>",
                                        "</div>",
                                        "<span class=MAC>",
                                        "</span>",
                                        "<pre>",
                                        "</pre>",
                                        "<script>",
                                        "</script>",
                                        "<!--",
                                        "-->",
                                        "&amp;",
                                        "&#x",
                                        "текст",
                                        " ",
                                        "\n",
                                        "\"",
                                        "'",
                                        "<",
                                        ">",
                                        "/",
                                        "=",
                                        "\xFF",
                                        std::string(1, '\0'),
                                        "<nav>",
                                        "</nav>",
                                        "<li>",
                                        "<td>",
                                        "<table>",
                                        "</table>",
                                        "<br>",
                                        "<title>",
                                        "</title>",
                                        "&nbsp;",
                                        "<a href="};
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string page;
    for (auto length = random() % 60; length > 0; --length)
      page += pieces[random() % pieces.size()];
    for (HtmlRules const* const rules : {&libreoffice, &book}) {
      std::string const text = paragraphs(page, *rules);
      BOOST_TEST(text.size() <= page.size() + 1);
      auto const total = static_cast<demo::Index>(text.size()) + skipped.excluded +
                         skipped.navigation + skipped.scripts;
      BOOST_TEST(total <= static_cast<demo::Index>(2 * page.size()));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
