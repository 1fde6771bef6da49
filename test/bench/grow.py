ROWS={}
