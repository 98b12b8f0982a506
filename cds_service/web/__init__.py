"""Pages for people: the nomogram, the mini EHR, reports. Server-rendered; they compute nothing the rules do not."""
