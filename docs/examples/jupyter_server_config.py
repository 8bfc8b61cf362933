# Jupyter behind hawser. What each line is for: jupyter.md
c.ServerApp.ip = '127.0.0.1'
c.ServerApp.port = 8888
c.ServerApp.port_retries = 0
c.ServerApp.base_url = '/jupyter/'
c.ServerApp.allow_remote_access = True
c.ServerApp.trust_xheaders = True
c.ServerApp.open_browser = False
