#include "proxy/http/deflate_offer.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser::http {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// The answer to these fields, or "" where nothing is agreed on.
std::string Answer(std::initializer_list<std::string_view> fields) {
  HeaderList headers;
  for (const std::string_view field : fields) headers.Add("Sec-WebSocket-Extensions", field);
  const auto agreement = AgreeOnDeflate(headers);
  return agreement ? agreement->Answer() : "";
}

constexpr std::string_view kPlain =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

std::string Plain(std::string_view more = "") {
  return std::string(kPlain).append(more);
}

struct Case {
  std::string_view offer;
  std::string answer;
};

TEST(DeflateOffer, EveryAcceptedOfferIsAnsweredWithoutContextTakeoverAndWithTheWindowsItNames) {
  const Case cases[] = {
      {"permessage-deflate", Plain()},
      {"PerMessage-Deflate", Plain()},
      {"permessage-deflate; client_max_window_bits", Plain()},
      {"permessage-deflate;server_no_context_takeover;client_no_context_takeover", Plain()},
      {"permessage-deflate; client_max_window_bits=8", Plain("; client_max_window_bits=8")},
      {"permessage-deflate; client_max_window_bits=15", Plain("; client_max_window_bits=15")},
      {"permessage-deflate; server_max_window_bits=9", Plain("; server_max_window_bits=9")},
      {"permessage-deflate; server_max_window_bits = \"10\"", Plain("; server_max_window_bits=10")},
      {"permessage-deflate; server_max_window_bits=\"1\\5\"", Plain("; server_max_window_bits=15")},
      {"permessage-deflate; client_max_window_bits=11; server_max_window_bits=12",
       Plain("; server_max_window_bits=12; client_max_window_bits=11")},
  };
  for (const Case& one : cases) EXPECT_EQ(Answer({one.offer}), one.answer) << one.offer;
}

TEST(DeflateOffer, AnOfferWithAParameterThatIsUnknownRepeatedOrHasABadValueIsDeclined) {
  const std::string_view offers[] = {
      "permessage-deflate; unknown",
      "permessage-deflate; unknown=1",
      "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
      "permessage-deflate; client_max_window_bits; client_max_window_bits=10",
      "permessage-deflate; server_no_context_takeover=1",
      "permessage-deflate; client_no_context_takeover=\"\"",
      "permessage-deflate; server_max_window_bits",
      "permessage-deflate; server_max_window_bits=7",
      "permessage-deflate; server_max_window_bits=16",
      "permessage-deflate; server_max_window_bits=010",
      "permessage-deflate; server_max_window_bits=+10",
      "permessage-deflate; server_max_window_bits=",
      "permessage-deflate; server_max_window_bits=\"10",
      "permessage-deflate; server_max_window_bits=\"1 0\"",
      "permessage-deflate; server_max_window_bits=10 10",
      "permessage-deflate; client_max_window_bits=0",
      "permessage-deflate; client_max_window_bits=eight",
      "permessage-deflate; client_max_window_bits=",
      "permessage-deflate;",
      "permessage-deflate; ; server_no_context_takeover",
      "permessage-deflate; =10",
  };
  for (const std::string_view offer : offers) EXPECT_EQ(Answer({offer}), "") << offer;
}

TEST(DeflateOffer, AServerWindowThatZlibCannotKeepIsDeclined) {
  EXPECT_EQ(Answer({"permessage-deflate; server_max_window_bits=8"}), "");
}

TEST(DeflateOffer, TheFirstOfferThatCanBeAcceptedIsTaken) {
  EXPECT_EQ(Answer({"permessage-deflate; server_max_window_bits=8, permessage-deflate; "
                    "server_max_window_bits=12, permessage-deflate"}),
            Plain("; server_max_window_bits=12"));
  EXPECT_EQ(Answer({"x-webkit-deflate-frame, bbf-usp-protocol; eid=\"a,b;c\"", "permessage-deflate; unknown",
                    "permessage-deflate; client_max_window_bits=9"}),
            Plain("; client_max_window_bits=9"));
}

TEST(DeflateOffer, WhereNothingIsOfferedNothingIsAgreedOn) {
  EXPECT_EQ(Answer({}), "");
  EXPECT_EQ(Answer({"", "x-webkit-deflate-frame, permessage-deflate-2"}), "");
}

// The values of the field that are left, and the names that are left of what was understood.
struct Left {
  std::vector<std::string> fields;
  std::vector<std::string_view> names;
};

Left Strip(std::initializer_list<std::string_view> fields, std::vector<std::string_view> names) {
  RequestHead head;
  head.headers.Add("Host", "x");
  for (const std::string_view field : fields) head.headers.Add("sec-websocket-extensions", field);
  UpgradeRequest upgrade{.websocket = true, .key = {}, .subprotocols = {}, .extensions = std::move(names)};
  TextArena arena;
  RemoveCompressionOffers(head, upgrade, arena);
  Left left{{}, upgrade.extensions};
  for (const Header& header : head.headers) {
    if (EqualsIgnoreCase(header.name, "Sec-WebSocket-Extensions")) left.fields.emplace_back(header.value);
  }
  return left;
}

TEST(DeflateOffer, RemovalTakesEveryOfferOfCompressionAndTheFieldWithTheLast) {
  const Left left = Strip({"permessage-deflate; client_max_window_bits, permessage-deflate",
                           "x-webkit-deflate-frame; no_context_takeover"},
                          {"permessage-deflate", "permessage-deflate", "x-webkit-deflate-frame"});
  EXPECT_THAT(left.fields, IsEmpty());
  EXPECT_THAT(left.names, IsEmpty());
}

TEST(DeflateOffer, RemovalLeavesOtherExtensionsWithTheirParameters) {
  const Left left =
      Strip({"permessage-deflate, bbf-usp-protocol; eid=\"a, b\"", "permessage-bzip2, other; x=1"},
            {"permessage-deflate", "bbf-usp-protocol", "permessage-bzip2", "other"});
  EXPECT_THAT(left.fields, ElementsAre("bbf-usp-protocol; eid=\"a, b\", other; x=1"));
  EXPECT_THAT(left.names, ElementsAre("bbf-usp-protocol", "other"));
}

}  // namespace
}  // namespace hawser::http
