// The trace for people and programs. What peers said is in here: nothing of it may reach a terminal as a control.
#include <algorithm>
#include <boost/json.hpp>
#include <ctime>
#include <functional>
#include <map>

#include "base/text.h"
#include "watch/trace.h"

namespace pabal::watch {
namespace {

constexpr size_t kWidth = 110;     // columns of the whole table
constexpr size_t kMaxWho = 34;     // columns of the address; longer ones push the rest to the next line
constexpr size_t kMinDetail = 30;  // columns left for the words of an event, whatever the rest takes
constexpr size_t kMaxNamed = 5;    // recipients and ids named in a heading

bool continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

std::string safe(std::string_view s) { return for_terminal(s); }

// Columns a terminal needs: two for East Asian letters, three octets of UTF-8 from U+1100 up, roughly.
size_t columns(std::string_view s) {
  size_t wide = 0, narrow = 0;
  for (char c : s) {
    const unsigned char octet = static_cast<unsigned char>(c);
    if (continuation(c)) continue;
    if (octet >= 0xE3 && octet <= 0xED)
      ++wide;
    else
      ++narrow;
  }
  return wide * 2 + narrow;
}

std::string padded(std::string s, size_t width) {
  const size_t have = columns(s);
  return have < width ? s + std::string(width - have, ' ') : s;
}

// Breaks at blanks into lines of at most `width` columns; a longer word is broken where it must be.
std::vector<std::string> wrapped(std::string_view s, size_t width) {
  std::vector<std::string> lines;
  std::string line;
  const auto flush = [&] {
    if (!line.empty()) lines.push_back(std::move(line));
    line.clear();
  };
  for (std::string_view word : text::split(s, ' ')) {
    if (word.empty()) continue;
    if (!line.empty() && columns(line) + 1 + columns(word) > width) flush();
    if (!line.empty()) line += ' ';
    if (columns(word) <= width) {
      line += word;
      continue;
    }
    size_t used = columns(line);
    for (size_t i = 0; i < word.size();) {
      size_t next = i + 1;
      while (next < word.size() && continuation(word[next])) ++next;
      const std::string_view letter = word.substr(i, next - i);
      if (used + columns(letter) > width) flush(), used = 0;
      line += letter;
      used += columns(letter);
      i = next;
    }
  }
  flush();
  return lines;
}

std::tm local_time(Time t) {
  const std::time_t unix_time = static_cast<std::time_t>(to_unix(t));
  std::tm parts{};
  localtime_r(&unix_time, &parts);
  return parts;
}

std::string clock_text(Time t) {
  const std::tm parts = local_time(t);
  char out[32];
  std::snprintf(out, sizeof out, "%02d:%02d:%02d.%03d", parts.tm_hour, parts.tm_min, parts.tm_sec,
                static_cast<int>((to_micros(t) - to_unix(t) * 1'000'000) / 1000));
  return out;
}

std::string day_text(Time t) {
  const std::tm parts = local_time(t);
  char out[64];
  return std::string(out, std::strftime(out, sizeof out, "%Y-%m-%d, %A (%Z)", &parts));
}

std::string path_text(std::string_view path) { return path.empty() ? "<>" : safe(path); }

// "a, b, c and 4 more": what is different among the events, in order.
std::string named(const std::vector<const Event*>& events, std::string Event::* field) {
  std::vector<std::string> names;
  for (const Event* e : events)
    if (const std::string& name = e->*field;
        !name.empty() && std::find(names.begin(), names.end(), name) == names.end())
      names.push_back(name);
  const size_t more = names.size() > kMaxNamed ? names.size() - kMaxNamed : 0;
  names.resize(names.size() - more);
  std::string out = safe(text::join(names, ", "));
  return more ? out + " and " + std::to_string(more) + " more" : out;
}

// The events by message, in the order of each one's first.
std::vector<std::vector<const Event*>> by_message(const std::vector<Event>& events) {
  std::vector<std::vector<const Event*>> groups;
  std::map<std::string_view, size_t> of_message_id, of_id;
  for (const Event& e : events) {
    size_t group = groups.size();
    if (auto known = of_message_id.find(e.message_id); !e.message_id.empty() && known != of_message_id.end())
      group = known->second;
    else if (auto same = of_id.find(e.id); !e.id.empty() && same != of_id.end() &&
                                           (e.message_id.empty() || groups[same->second].front()->message_id.empty()))
      group = same->second;
    if (group == groups.size()) groups.emplace_back();
    groups[group].push_back(&e);
    if (!e.message_id.empty()) of_message_id.emplace(e.message_id, group);
    if (!e.id.empty()) of_id.emplace(e.id, group);
  }
  return groups;
}

std::string heading(const std::vector<const Event*>& events) {
  const std::string message_id = named(events, &Event::message_id);
  const std::string recipients = named(events, &Event::recipient), ids = named(events, &Event::id);
  std::string out = message_id.empty() ? "Message without a Message-ID\n" : "Message " + message_id + "\n";
  const std::string sender = named(events, &Event::reverse_path);
  out += "  " + path_text(sender) + (recipients.empty() ? "" : " \u2192 " + recipients) + "\n";
  if (!ids.empty()) out += "  id " + ids + "\n";
  return out;
}

// What is said beside the fixed columns: the reason in its own lines, then who was on the other side and how.
std::vector<std::string> details(const Event& e, size_t width) {
  std::vector<std::string> lines = wrapped(safe(e.reason), width);
  std::string peer = safe(e.peer);
  if (!e.tls.empty()) peer += (peer.empty() ? "" : ", ") + safe(e.tls);
  for (std::string& line : wrapped(peer, width)) lines.push_back(std::move(line));
  return lines;
}

}  // namespace

std::string for_terminal(std::string_view s, bool lines) {
  const bool utf8 = text::is_utf8(s);
  std::string out;
  out.reserve(s.size());
  for (size_t i = 0, size; i < s.size(); i += size) {
    const auto octet = [&](size_t k) { return static_cast<unsigned>(static_cast<unsigned char>(s[i + k])); };
    const unsigned c = octet(0);
    size = !utf8 || c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    if ((c < 0x20 && !(lines && c == '\n')) || (!utf8 && c >= 0x80)) {
      out += "\\x" + text::uppered(text::hex(s.substr(i, 1)));
      continue;
    }
    unsigned point = c;
    if (size == 2) point = (c & 0x1F) << 6 | (octet(1) & 0x3F);
    if (size == 3) point = (c & 0x0F) << 12 | (octet(1) & 0x3F) << 6 | (octet(2) & 0x3F);
    const bool control = size < 4 && point >= 0x7F && point < 0xA0;
    const bool turns = size < 4 && (point == 0x061C || point == 0x200E || point == 0x200F ||
                                    (point >= 0x2028 && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069));
    if (control || turns) {
      const char number[] = {static_cast<char>(point >> 8), static_cast<char>(point)};
      out += "\\u" + text::uppered(text::hex({number, 2}));
    } else
      out += s.substr(i, size);
  }
  return out;
}

std::string to_text(const std::vector<Event>& events) {
  size_t station = 0, action = 0, who = 0;
  for (const Event& e : events) {
    station = std::max(station, columns(safe(e.station)));
    action = std::max(action, columns(safe(e.action)));
    who = std::max(who, columns(path_text(e.recipient.empty() ? e.reverse_path : e.recipient)));
  }
  who = std::min(who, kMaxWho);
  const size_t left = 2 + 12 + 2 + station + 2 + action + 2 + who + 2;
  const size_t width = left + kMinDetail < kWidth ? kWidth - left : kMinDetail;

  std::string out;
  for (const auto& group : by_message(events)) {
    if (!out.empty()) out += '\n';
    out += heading(group);
    std::string day;
    for (const Event* e : group) {
      if (std::string today = day_text(e->at); today != day) {
        day = std::move(today);
        out += "  " + day + "\n";
      }
      const std::string address = path_text(e->recipient.empty() ? e->reverse_path : e->recipient);
      std::string line = "  " + clock_text(e->at) + "  " + padded(safe(e->station), station) + "  " +
                         padded(safe(e->action), action) + "  " + padded(address, who);
      std::vector<std::string> rest = details(*e, width);
      if (columns(address) <= who && !rest.empty()) {
        line += "  " + rest.front();
        rest.erase(rest.begin());
      }
      line.erase(line.find_last_not_of(' ') + 1);
      out += line + "\n";
      for (const std::string& more : rest) out += std::string(left, ' ') + more + "\n";
    }
  }
  return out;
}

std::string to_json(const std::vector<Event>& events) {
  // JSON is Unicode (RFC 8259 §8.1): octets that are not become U+FFFD.
  const auto unicode = [](std::string_view s) {
    if (text::is_utf8(s)) return boost::json::string(s);
    boost::json::string out;
    for (char c : s) {
      if (static_cast<unsigned char>(c) < 0x80)
        out.push_back(c);
      else
        out.append("\xEF\xBF\xBD");
    }
    return out;
  };
  boost::json::array out;
  for (const Event& e : events) {
    out.push_back(boost::json::object{{"at", to_rfc3339(e.at)},
                                      {"id", unicode(e.id)},
                                      {"message_id", unicode(e.message_id)},
                                      {"station", unicode(e.station)},
                                      {"action", unicode(e.action)},
                                      {"reverse_path", unicode(e.reverse_path)},
                                      {"recipient", unicode(e.recipient)},
                                      {"peer", unicode(e.peer)},
                                      {"tls", unicode(e.tls)},
                                      {"reason", unicode(e.reason)}});
  }
  return for_terminal(boost::json::serialize(out));  // its \u escapes are JSON's, too
}

}  // namespace pabal::watch
