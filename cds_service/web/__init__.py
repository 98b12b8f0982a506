"""Pages for people who run and judge the service: server-rendered, without scripts."""
