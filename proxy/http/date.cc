#include "proxy/http/date.h"

#include "fmt/format.h"

namespace hawser::http {

std::string_view DateText::At(std::time_t time) {
  if (second_ != time) {
    constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::tm utc{};
    gmtime_r(&time, &utc);
    fmt::format_to_n(text_.data(), text_.size(), "{}, {:02} {} {} {:02}:{:02}:{:02} GMT",
                     kDays[static_cast<size_t>(utc.tm_wday)], utc.tm_mday,
                     kMonths[static_cast<size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
                     utc.tm_sec);
    second_ = time;
  }
  return {text_.data(), text_.size()};
}

std::string_view DateNow() {
  thread_local DateText text;
  return text.At(std::time(nullptr));
}

void AddDate(HeaderList& headers) {
  if (!headers.Find("Date")) headers.Add("Date", DateNow());
}

}  // namespace hawser::http
