// The pages that people see: signing in, what a program asks for, the code of a device. Korean and English; no script.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "web/http.h"

namespace pabal::oauth {

// In which language a page is, and of which server.
struct View {
  bool korean = false;
  std::string hostname;
};
View view_of(const web::Request& request, std::string hostname);

struct LoginPage {
  std::string next;        // a path of ours: where to go then
  std::string name;        // as typed before, or hinted
  std::string client;      // whose wish it is that one signs in; or empty
  std::string csp_source;  // where the way leads behind `next` at last; or empty
  enum class Trouble { kNone, kWrong, kWait, kDown } trouble = Trouble::kNone;
};
web::Response page(const View& view, const LoginPage& login);

struct ConsentPage {
  std::string client, account;
  std::vector<std::string> scopes;
  bool stays = false;         // with a refresh token
  bool unknown_here = false;  // it has registered itself
  std::string target;         // where the answer goes, as people read it; or empty
  std::string csp_source;
  std::string csrf;
  std::string action;         // the path of the form
  std::string name, value;    // the field of the form that says what is asked
  std::string user_code;      // of a device: to compare; or empty
  std::string other_account;  // a path: sign in as somebody else
};
web::Response page(const View& view, const ConsentPage& consent);

struct DevicePage {
  std::string user_code;
  enum class Trouble { kNone, kUnknown, kWait } trouble = Trouble::kNone;
};
web::Response page(const View& view, const DevicePage& device);

// A page with nothing to fill in.
enum class Notice {
  kDeviceDone,
  kDeviceRefused,
  kSignedOut,
  kSignedIn,
  kBadClient,  // an authorisation request that names no client, or not its redirect URI
  kForged,     // a form that was not sent from our page
  kInClear,    // not over TLS
  kBusy,       // asked too often
  kDown,       // the store cannot be read
};
web::Response page(const View& view, Notice notice, std::string_view detail = "");

web::Response sign_out_page(const View& view, const std::string& account);
web::Response stylesheet();

// What people are told that these scopes allow, one line each.
std::vector<std::string> described(const std::vector<std::string>& scopes, bool korean);

}  // namespace pabal::oauth
