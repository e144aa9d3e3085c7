//! The frame around every page: navigation, demo banner, flash message, theme.
//!
//! `routes.rs` builds one [`Frame`] per request from what it knows (who is signed in, which
//! areas they may open, what waits for them) and puts it into the request's extensions.
//! Nothing here asks a room or decides a right: an [`Area`] that was not handed over is not
//! shown.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::request::Parts;

use super::cookies;
use super::flash::Flash;
use super::time::When;

/// A place in the side navigation. Only places that have a page are here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Area {
    /// `/`
    Home,
    /// `/request`: find access and ask for it.
    Request,
    /// `/requests`: one's own requests.
    MyRequests,
    /// `/approvals`: what waits for this person's decision.
    Approvals,
    /// `/notices`: what this person is told.
    Notices,
    /// `/explore`: who holds what.
    Explore,
    /// `/grants`
    Grants,
    /// `/people`
    People,
    /// `/catalogs`
    Catalogs,
    /// `/policies`
    Policies,
    /// `/duties`: what nobody should hold together.
    Duties,
    /// `/connections`
    Connections,
    /// `/audit`
    Audit,
}

impl Area {
    /// Every area, in the order of the navigation.
    pub const ALL: [Area; 13] = [
        Area::Home,
        Area::Request,
        Area::MyRequests,
        Area::Approvals,
        Area::Notices,
        Area::Explore,
        Area::Grants,
        Area::People,
        Area::Catalogs,
        Area::Policies,
        Area::Duties,
        Area::Connections,
        Area::Audit,
    ];

    /// Where its first page is.
    pub const fn href(self) -> &'static str {
        match self {
            Area::Home => "/",
            Area::Request => "/request",
            Area::MyRequests => "/requests",
            Area::Approvals => "/approvals",
            Area::Notices => "/notices",
            Area::Explore => "/explore",
            Area::Grants => "/grants",
            Area::People => "/people",
            Area::Catalogs => "/catalogs",
            Area::Policies => "/policies",
            Area::Duties => "/duties",
            Area::Connections => "/connections",
            Area::Audit => "/audit",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Area::Home => "Home",
            Area::Request => "Request access",
            Area::MyRequests => "My requests",
            Area::Approvals => "Approvals",
            Area::Notices => "Notices",
            Area::Explore => "Explore",
            Area::Grants => "Grants",
            Area::People => "People",
            Area::Catalogs => "Catalogs",
            Area::Policies => "Policies",
            Area::Duties => "Duties",
            Area::Connections => "Connections",
            Area::Audit => "Audit",
        }
    }

    const fn icon(self) -> &'static str {
        match self {
            Area::Home => "home",
            Area::Request => "key",
            Area::MyRequests => "list-details",
            Area::Approvals => "checks",
            Area::Notices => "bell",
            Area::Explore => "compass",
            Area::Grants => "clock",
            Area::People => "users",
            Area::Catalogs => "books",
            Area::Policies => "route",
            Area::Duties => "shield-check",
            Area::Connections => "plug-connected",
            Area::Audit => "file-text",
        }
    }

    const fn group(self) -> &'static str {
        match self {
            Area::Home | Area::Request | Area::MyRequests | Area::Approvals | Area::Notices => {
                "You"
            }
            Area::Explore | Area::Grants | Area::People => "Access",
            Area::Catalogs | Area::Policies | Area::Duties | Area::Connections | Area::Audit => {
                "Set up"
            }
        }
    }

    /// Whether this path belongs to the area (`/requests/…` to My requests, not to Request).
    fn owns(self, path: &str) -> bool {
        path.strip_prefix(self.href())
            .is_some_and(|rest| rest.is_empty() || (self != Area::Home && rest.starts_with('/')))
    }
}

/// Light, dark, or as the system is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// As the system is.
    #[default]
    Auto,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

impl Theme {
    /// The word in the cookie, the form and the stylesheet.
    pub const fn as_str(self) -> &'static str {
        match self {
            Theme::Auto => "auto",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    /// The theme of that word; anything unknown is [`Theme::Auto`].
    pub fn parse(word: &str) -> Self {
        match word {
            "light" => Theme::Light,
            "dark" => Theme::Dark,
            _ => Theme::Auto,
        }
    }

    /// What the browser's cookie says.
    pub fn from_headers(headers: &HeaderMap) -> Self {
        cookies::find(headers, "stint_theme").map_or(Theme::Auto, Theme::parse)
    }

    /// `Set-Cookie` that keeps the choice for a year.
    pub(super) fn cookie(self) -> String {
        format!(
            "stint_theme={}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax",
            self.as_str()
        )
    }
}

/// Who is signed in, as the frame shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FramePerson {
    /// Full name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// The role that says most, in words ("Super Admin"), or "User".
    pub role: String,
}

impl FramePerson {
    /// Up to two letters to stand for a face.
    pub(super) fn initials(&self) -> String {
        initials(&self.name)
    }
}

/// Up to two capital letters of a name.
pub(crate) fn initials(name: &str) -> String {
    let mut words = name.split_whitespace();
    let first = words.next().and_then(|word| word.chars().next());
    let last = words.next_back().and_then(|word| word.chars().next());
    first
        .into_iter()
        .chain(last)
        .flat_map(char::to_uppercase)
        .collect()
}

/// The demo's banner: it is simulated, and its clock can be moved.
#[derive(Debug, Clone)]
pub struct DemoBar {
    /// The simulated clock.
    pub clock: When,
    /// When the next grant ends, if one will: the second button goes there.
    pub next_end: Option<When>,
}

#[derive(Debug, Clone)]
pub(super) struct NavItem {
    pub(super) href: &'static str,
    pub(super) word: &'static str,
    pub(super) icon: &'static str,
    /// `3`, `9+`
    pub(super) count: Option<String>,
    pub(super) current: bool,
}

#[derive(Debug, Clone)]
pub(super) struct NavGroup {
    pub(super) word: &'static str,
    pub(super) items: Vec<NavItem>,
}

/// What every page is put into. Build it with [`Frame::new`] and the `with_` methods.
#[derive(Debug, Clone, Default)]
pub struct Frame {
    /// The path and query asked for; forms of the frame return here.
    pub path: String,
    /// The look.
    pub theme: Theme,
    /// A message from the page before, shown once.
    pub flash: Option<Flash>,
    /// Who is signed in.
    pub person: Option<FramePerson>,
    /// The demo's banner, in the demo only.
    pub demo: Option<DemoBar>,
    /// Seconds after which a browser without script asks again: something is in motion.
    pub(super) again: Option<u32>,
    pub(super) nav: Vec<NavGroup>,
}

impl Frame {
    /// The frame of a request for `path` (with query), with the theme and flash message its
    /// cookies carry. Nobody is signed in and no area is shown until said so.
    pub fn new(path: &str, headers: &HeaderMap) -> Self {
        Self {
            path: path.to_owned(),
            theme: Theme::from_headers(headers),
            flash: Flash::from_headers(headers),
            ..Self::default()
        }
    }

    /// Says who is signed in and which areas they may open, each with the number of things
    /// waiting there (none or 0: no number).
    #[must_use]
    pub fn with_person(mut self, person: FramePerson, areas: &[(Area, u64)]) -> Self {
        self.person = Some(person);
        let path = self.path.split('?').next().unwrap_or("/").to_owned();
        self.nav.clear();
        for area in Area::ALL {
            let Some((_, waiting)) = areas.iter().find(|(shown, _)| *shown == area) else {
                continue;
            };
            let item = NavItem {
                href: area.href(),
                word: area.word(),
                icon: area.icon(),
                count: counted(*waiting),
                current: area.owns(&path),
            };
            match self
                .nav
                .last_mut()
                .filter(|group| group.word == area.group())
            {
                Some(group) => group.items.push(item),
                None => self.nav.push(NavGroup {
                    word: area.group(),
                    items: vec![item],
                }),
            }
        }
        self
    }

    /// Marks another area than the path's as the one shown: where a page belongs to several.
    #[must_use]
    pub fn under(mut self, area: Area) -> Self {
        for item in self.nav.iter_mut().flat_map(|group| &mut group.items) {
            item.current = item.href == area.href();
        }
        self
    }

    /// Has a browser without script ask again after so many seconds, while something is in
    /// motion; with script the piece in motion refreshes itself.
    #[must_use]
    pub const fn refreshing(mut self, seconds: Option<u32>) -> Self {
        self.again = seconds;
        self
    }

    /// Adds the demo's banner.
    #[must_use]
    pub fn with_demo(mut self, demo: DemoBar) -> Self {
        self.demo = Some(demo);
        self
    }

    /// How many decisions wait for this person: shown beside the menu on a phone.
    pub(super) fn waiting(&self) -> Option<&str> {
        self.nav
            .iter()
            .flat_map(|group| &group.items)
            .find(|item| item.href == Area::Approvals.href())
            .and_then(|item| item.count.as_deref())
    }
}

/// A number in the navigation: none for nothing, `9+` for more than nine.
fn counted(waiting: u64) -> Option<String> {
    match waiting {
        0 => None,
        1..=9 => Some(waiting.to_string()),
        _ => Some("9+".to_owned()),
    }
}

/// The frame `routes.rs` made for this request; a bare one where none was made.
impl<S: Send + Sync> FromRequestParts<S> for Frame {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Frame>().cloned().unwrap_or_else(|| {
            let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
            Frame::new(path, &parts.headers)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_areas_handed_over_are_shown_and_one_is_current() {
        let person = FramePerson {
            name: "Ana Reyes".into(),
            email: "ana@example.com".into(),
            role: "User".into(),
        };
        let areas = [
            (Area::Home, 0),
            (Area::MyRequests, 0),
            (Area::Approvals, 3),
            (Area::Audit, 0),
        ];
        let frame =
            Frame::new("/requests/req_1?x=1", &HeaderMap::new()).with_person(person, &areas);
        let shown: Vec<(&str, Option<&str>, bool)> = frame
            .nav
            .iter()
            .flat_map(|group| &group.items)
            .map(|item| (item.word, item.count.as_deref(), item.current))
            .collect();
        assert_eq!(
            shown,
            [
                ("Home", None, false),
                ("My requests", None, true),
                ("Approvals", Some("3"), false),
                ("Audit", None, false)
            ]
        );
        assert_eq!(frame.waiting(), Some("3"));
        let moved = frame.clone().under(Area::Approvals);
        let current: Vec<&str> = moved
            .nav
            .iter()
            .flat_map(|group| &group.items)
            .filter(|item| item.current)
            .map(|item| item.word)
            .collect();
        assert_eq!(current, ["Approvals"]);
        assert_eq!(counted(12).as_deref(), Some("9+"));
    }

    #[test]
    fn request_and_requests_are_two_places() {
        assert!(Area::Request.owns("/request/ent_1"));
        assert!(!Area::Request.owns("/requests/req_1"));
        assert!(Area::Home.owns("/"));
        assert!(!Area::Home.owns("/grants"));
    }

    #[test]
    fn initials_are_first_and_last() {
        assert_eq!(initials("Ana Maria Reyes"), "AR");
        assert_eq!(initials("Bo"), "B");
        assert_eq!(initials(""), "");
    }
}
